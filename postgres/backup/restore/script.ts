import { closeSync, copyFileSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { flushFolder } from '../../../system/atomicFile';
import { PlatformError } from '../../../system/errors';
import { storageError } from '../../../system/storageError';
import { DUMP_FOLDER, PLAIN_SCRIPT } from '../dump';
import type { Manifest } from '../manifest';
import { type DumpPrograms, runTool } from '../programs';

/** Writes what psql would run into a new file, whole or not at all. `staged`: the backup, decompressed. */
export async function writeScript(
  staged: string,
  { layout }: Manifest,
  { pgRestore }: DumpPrograms,
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  if (existsSync(file))
    throw new PlatformError('file-exists', `${file} exists; nothing was written.`, 'Name another file, or remove it.', {
      kind: 'refused',
      object: file,
    });
  const temporary = `${file}.${process.pid}.new`;
  try {
    // A folder that is missing or closed is told by its name, not by pg_restore.
    closeSync(openSync(temporary, 'wx', 0o600));
    if (layout === 'plain') copyFileSync(join(staged, PLAIN_SCRIPT), temporary);
    else
      await runTool(pgRestore, [`--file=${temporary}`, join(staged, DUMP_FOLDER)], 'restore-failed', {
        environment: { LC_ALL: 'C' },
        signal,
      });
    renameSync(temporary, file);
    flushFolder(dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storageError(file, error);
  }
}
