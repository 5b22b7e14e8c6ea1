import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ConnectionTarget } from '../../spec';
import { listArchive } from '../archive';
import { DUMP_FOLDER, PLAIN_SCRIPT } from '../dump';
import type { Manifest } from '../manifest';
import { type DumpPrograms, libpqEnvironment, runTool } from '../programs';

export interface RestoreRun {
  programs: DumpPrograms;
  superuser: boolean;
  /** An administrator, in the new database. */
  target: ConnectionTarget;
  pathVariable: string;
  jobs: number;
  signal?: AbortSignal | undefined;
  onItem?: () => void;
}

/**
 * Entries of an extension that only the database named in its server setting may have (pg_cron): they wait until the restored one has that name.
 */
const OF_SINGLETON = /; \d+ \d+ (EXTENSION - pg_cron |COMMENT - EXTENSION pg_cron |ACL - SCHEMA cron |[A-Z ]+ cron )/;
/** Its text is the extension's own; who is no superuser may not own the extension. */
const COMMENT_OF_EXTENSION = /; \d+ \d+ COMMENT - EXTENSION /;
export const isOfSingleton = ({ schema }: { schema: string }): boolean => schema === 'cron';

/**
 * Everything a dump has, into an empty database; ends at the first error. `staged`: the archive, decompressed. `part`: what a
 * database may have under any name, or the rest of it.
 */
export async function restoreArchive(
  staged: string,
  manifest: Manifest,
  run: RestoreRun,
  part: 'most' | 'rest' = 'most',
): Promise<void> {
  const { programs, target, pathVariable, jobs, signal, onItem, superuser } = run;
  const environment = { ...(await libpqEnvironment(target, pathVariable)), PGOPTIONS: SESSION };
  if (manifest.layout === 'directory') {
    const dump = join(staged, DUMP_FOLDER);
    const entries = (await listArchive(dump, programs)).split('\n').filter((line) => /^\d/.test(line));
    const chosen = entries.filter(
      (entry) => OF_SINGLETON.test(entry) === (part === 'rest') && (superuser || !COMMENT_OF_EXTENSION.test(entry)),
    );
    if (part === 'rest' && chosen.length === 0) return;
    const list = join(staged, `${part}.list`);
    writeFileSync(list, `${chosen.join('\n')}\n`, { mode: 0o600 });
    const args = ['--exit-on-error', '--no-password', '--verbose', `--use-list=${list}`, `--jobs=${jobs}`];
    await runTool(programs.pgRestore, [...args, `--dbname=${connection(target)}`, dump], 'restore-failed', {
      environment,
      signal,
      onLine: (line) => {
        if (/^pg_restore: finished item/.test(line)) onItem?.();
      },
    });
    return;
  }
  if (part === 'rest') return;
  // In one transaction: what comes after an error would be refused, and a script that was cut leaves nothing.
  const args = [
    '--no-psqlrc',
    '--quiet',
    '--no-password',
    '--single-transaction',
    '--set=ON_ERROR_STOP=1',
    '--output=/dev/null',
    `--file=${join(staged, PLAIN_SCRIPT)}`,
  ];
  await runTool(programs.psql, args, 'restore-failed', { environment, signal });
}

/**
 * Of the sessions that restore: room to sort a million keys at once, and no waiting for the disk at each commit: the swap, which waits, comes
 * after all of them.
 */
const SESSION = '-c maintenance_work_mem=256MB -c synchronous_commit=off';

/** A name that holds `=` would be read as a connection string. */
const connection = ({ database }: ConnectionTarget): string =>
  `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
