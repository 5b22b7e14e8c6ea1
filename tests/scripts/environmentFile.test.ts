import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mergeEnvironmentFile } from '../../scripts/environmentFile';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-env-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function merged(
  before: string | undefined,
  variables: Record<string, string>,
): { text: string; changed: string[]; mode: number } {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.env`);
  if (before !== undefined) writeFileSync(path, before, { mode: 0o644 });
  const changed = mergeEnvironmentFile(path, variables);
  return { text: readFileSync(path, 'utf8'), changed, mode: statSync(path).mode & 0o777 };
}

describe('env --write', () => {
  it('makes the file with mode 0600', () => {
    expect(merged(undefined, { A: '1' })).toEqual({ text: 'A="1"\n', changed: ['A'], mode: 0o600 });
  });

  it('keeps comments, order and other variables, and tightens the mode', () => {
    const before = '# mine\nOTHER=x # why\n\nDATABASE_URL="old"\nexport LAST=1\n';
    expect(merged(before, { DATABASE_URL: 'new', ADDED: 'y' })).toEqual({
      text: '# mine\nOTHER=x # why\n\nDATABASE_URL="new"\nexport LAST=1\nADDED="y"\n',
      changed: ['DATABASE_URL', 'ADDED'],
      mode: 0o600,
    });
  });

  it('changes the assignment that counts, the last one', () => {
    expect(merged('A=1\nA=2\n', { A: '3' }).text).toBe('A=1\nA="3"\n');
  });

  it('keeps Windows line ends and a missing final line end is no trap', () => {
    expect(merged('A=1\r\nB=2', { B: '3' }).text).toBe('A=1\r\nB="3"\r\n');
  });

  it('writes nothing when nothing changes', () => {
    expect(merged('A="1"\n', { A: '1' }).changed).toEqual([]);
  });

  it('escapes what dotenv would read otherwise', () => {
    expect(merged(undefined, { A: 'a"b\\c$d' }).text).toBe('A="a\\"b\\\\c\\$d"\n');
  });
});
