import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GIBIBYTE = 1024 ** 3;
/** Where data is synced to disk for nothing. */
const MEMORY = '/dev/shm';
/** Three times what a whole run was seen to need at once. */
const NEEDED_BYTES = 6 * GIBIBYTE;

/** The vitest projects of a run share the process that sets them up, but no module. */
const run = globalThis as { coachRunFolder?: { users: number; remove(): Promise<void> } };

/**
 * Everything a run writes lies in one folder, which is the temporary folder of its processes; a process of its own waits for the end
 * of the run, however it ends, and then ends every server in that folder and removes it.
 */
export default function setup(): () => Promise<void> {
  const shared = (run.coachRunFolder ??= { users: 0, remove: makeRunFolder() });
  shared.users += 1;
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete run.coachRunFolder;
    await shared.remove();
  };
}

function makeRunFolder(): () => Promise<void> {
  const folder = mkdtempSync(join(fastestFolder(), 'coach-run-'));
  // As /tmp is: servers and command lines of other accounts write there too.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  const cleaner = spawn(process.execPath, [join(__dirname, 'cleaner.cjs'), folder], {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => cleaner.once('exit', () => resolve()));
  return async () => {
    cleaner.stdin?.end();
    await ended;
  };
}

/** The machine's memory, where there is enough of it and programs may run there; else the usual one. */
function fastestFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < NEEDED_BYTES) return tmpdir();
    const folder = mkdtempSync(join(MEMORY, 'coach-probe-'));
    try {
      writeFileSync(join(folder, 'probe'), '#!/bin/sh\n', { mode: 0o755 });
      execFileSync(join(folder, 'probe'));
      return MEMORY;
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch {
    return tmpdir();
  }
}
