import { describe, expect, it } from 'vitest';

import { untilNotLocked } from '../../../scripts/cron/run';
import { ExitCode } from '../../../scripts/exitCodes';

describe('a job that finds another run at work', () => {
  async function run(isBackup: boolean, codes: number[], signal = new AbortController().signal): Promise<unknown[]> {
    const said: string[] = [];
    const exitCode = await untilNotLocked(
      { isBackup },
      signal,
      (text) => said.push(text),
      () => Promise.resolve(codes.shift() ?? -1),
      1,
    );
    return [exitCode, said.length, codes.length];
  }

  it('waits for it where it is a backup, which would be lost otherwise', async () => {
    expect(await run(true, [ExitCode.locked, ExitCode.locked, ExitCode.done, ExitCode.done])).toEqual([0, 2, 1]);
    expect(await run(true, [ExitCode.failed, ExitCode.done])).toEqual([1, 0, 1]);
  });

  it('does not wait for ever, nor once it is interrupted', async () => {
    expect(await run(true, Array<number>(400).fill(ExitCode.locked))).toEqual([75, 180, 219]);
    expect(await run(true, [ExitCode.locked, ExitCode.done], AbortSignal.abort())).toEqual([75, 0, 1]);
  });

  it('ends at once where the next one comes soon', async () => {
    expect(await run(false, [ExitCode.locked, ExitCode.done])).toEqual([75, 0, 1]);
  });
});
