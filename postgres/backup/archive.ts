import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { messageOf } from '../../system/errors';
import { DUMP_FOLDER } from './dump';
import type { Manifest } from './manifest';
import type { DumpPrograms } from './programs';
import type { Finding } from './readThrough';

const run = promisify(execFile);

/** An entry of an archive that holds rows: its number, which names its file, and the oid its table had. */
export interface TableData {
  id: number;
  oid: number;
}

/** What `pg_restore --list` reads in the archive's table of contents. Rejects where it cannot be read. */
export async function listArchive(dump: string, { pgRestore }: DumpPrograms): Promise<string> {
  return (await run(pgRestore, ['--list', dump], { env: { LC_ALL: 'C' }, maxBuffer: 1 << 28 })).stdout;
}

export async function tableDataOf(dump: string, programs: DumpPrograms): Promise<TableData[]> {
  return [...(await listArchive(dump, programs)).matchAll(/^(\d+); \d+ (\d+) TABLE DATA /gm)].map(([, id, oid]) => ({
    id: Number(id),
    oid: Number(oid),
  }));
}

/** Whether the table of contents has the tables that the manifest says, each with its file. */
export async function checkContents(folder: string, manifest: Manifest, programs: DumpPrograms): Promise<Finding[]> {
  const path = `${DUMP_FOLDER}/toc.dat`;
  try {
    const listed = new Set((await tableDataOf(join(folder, DUMP_FOLDER), programs)).map(({ id }) => id));
    const expected = manifest.tables.map(({ file }) => Number(/(\d+)\.dat/.exec(file)?.[1]));
    const lacking = manifest.tables.filter((_, at) => !listed.has(expected[at] ?? NaN));
    if (lacking.length > 0 || listed.size !== manifest.tables.length)
      return [
        {
          kind: 'unreadable',
          path,
          detail: `lists rows of ${listed.size} tables, expected ${manifest.tables.length}`,
        },
      ];
    return [];
  } catch (error) {
    return [{ kind: 'unreadable', path, detail: messageOf(error).trim().split('\n').at(-1) ?? '' }];
  }
}
