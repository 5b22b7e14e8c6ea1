import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { oncePerRun } from './oncePerRun';

const GIBIBYTE = 1024 ** 3;
/** Where data is synced to disk for nothing. */
const MEMORY = '/dev/shm';
/** Three times what a whole run was seen to need at once. */
const NEEDED_BYTES = 6 * GIBIBYTE;

/**
 * Everything a run writes lies in one folder, which is the temporary folder of its processes; a process of its own waits for the end
 * of the run, however it ends, and then ends every server in that folder and removes it.
 */
export default async function setup(): Promise<() => Promise<void>> {
  return (await oncePerRun('folder', () => Promise.resolve(makeRunFolder()))).leave;
}

function makeRunFolder(): { value: string; stop: () => Promise<void> } {
  const folder = mkdtempSync(join(fastestFolder(), 'coach-run-'));
  // As /tmp is: servers and command lines of other accounts write there too.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  const cleaner = spawn(process.execPath, [join(__dirname, 'cleaner.cjs'), folder], {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => cleaner.once('exit', () => resolve()));
  const stop = (): Promise<void> => {
    cleaner.stdin?.end();
    return ended;
  };
  return { value: folder, stop };
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
