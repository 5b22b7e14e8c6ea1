import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { orphans, serverState } from '../../../postgres/server/state';
import { compileInto } from '../../support/compiled';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

let folder: string;
let compiled: string | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-state-'));
  chmodSync(folder, 0o755);
});
afterAll(() => {
  for (const path of [folder, compiled]) if (path !== undefined) rmSync(path, { recursive: true });
});

/** A data directory whose postmaster.pid names that process, as a killed server leaves it when the number was used again. */
function remains(name: string, pid: number): string {
  const data = join(folder, name);
  mkdirSync(data);
  writeFileSync(join(data, 'PG_VERSION'), '15\n');
  writeFileSync(join(data, 'postmaster.pid'), `${pid}\n${data}\n1700000000\n5432\n\n127.0.0.1\n  1 2\nready   \n`);
  return data;
}

/** The run's own server: another one, at work in another directory. */
function otherServer(): number {
  const { dataDirectory } = inject('cluster');
  const state = serverState(dataDirectory);
  if (!('pid' in state)) throw new Error('The run’s server does not run.');
  return state.pid;
}

describe('another PostgreSQL on the machine', () => {
  it('is not taken for a killed one, also where its process got the number', () => {
    const data = remains('mine', otherServer());
    expect(serverState(data).status).toBe('stopped');
    expect(orphans(data)).toEqual([]);
  });

  it('is not taken for one’s own by a user who may not look at it', (context) => {
    if (!isRoot) return context.skip('needs root, to ask as somebody else');
    const data = remains('theirs', otherServer());
    chownSync(data, NOBODY, NOBODY);
    // Where that user can read it, whatever the checkout's own rights are.
    compiled = compileInto('coach-compiled-', ['postgres', 'postgres/connection', 'postgres/server']);
    chmodSync(compiled, 0o755);
    const script = `const { orphans, serverState } = require(${JSON.stringify(join(compiled, 'postgres', 'server', 'state.js'))});
      process.stdout.write(JSON.stringify([serverState(${JSON.stringify(data)}).status, orphans(${JSON.stringify(data)})]))`;
    const options = { uid: NOBODY, gid: NOBODY, cwd: '/', encoding: 'utf8' } as const;
    expect(JSON.parse(execFileSync(process.execPath, ['-e', script], options))).toEqual(['stopped', []]);
  });
});
