import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Client } from 'pg';

import { withClient } from '../postgres/connection/client';
import { bringUp } from '../postgres/server/bringUp';
import { findFreePort } from '../postgres/server/port';
import { stopServer } from '../postgres/server/process';
import { placeServer } from '../postgres/server/server';
import { MAJORS, NEWEST_MAJOR, OLDEST_MAJOR, type ParameterSpec } from '../postgres/tuning/parameter';
import data from '../postgres/tuning/parameters.json';

/**
 * `npm run parameters -- FOLDER...`: makes postgres/tuning/parameters.json from pg_settings of servers started with the programs (initdb,
 * postgres) in each folder. Majors of which there is no folder stay as they are in the file.
 */
const FILE = 'postgres/tuning/parameters.json';

/** What other builds and platforms offer besides, as their sources say: a value they do not have is for their server to refuse. */
export const VALUES_OF_OTHER_BUILDS: Readonly<Record<string, readonly string[]>> = {
  default_toast_compression: ['lz4'],
  dynamic_shared_memory_type: ['windows'],
  file_copy_method: ['clone'],
  io_method: ['io_uring'],
  shared_memory_type: ['windows'],
  wal_compression: ['lz4', 'zstd'],
  wal_sync_method: ['fsync_writethrough', 'open_datasync'],
};

/** pg_settings shows them with a context in which a configuration file could set them; the server refuses. */
const NOT_IN_A_FILE = ['config_file', 'transaction_deferrable', 'transaction_isolation', 'transaction_read_only'];

const PRELOADED = ['pg_stat_statements', 'auto_explain', 'pg_trgm'];

/** Every parameter of the server, as the file holds it; `client` is a superuser's. */
export async function readServerParameters(client: Client): Promise<ParameterSpec[]> {
  for (const library of PRELOADED) await client.query(`LOAD '${library}'`);
  const { rows } = await client.query<Row>(
    `SELECT name, vartype AS type, context, unit, min_val::float8 AS min, max_val::float8 AS max, enumvals AS values
     FROM pg_catalog.pg_settings ORDER BY name COLLATE "C"`,
  );
  const parameters: ParameterSpec[] = [];
  for (const { name, type, context, unit, min, max, values } of rows) {
    if (context === 'internal' || NOT_IN_A_FILE.includes(name)) {
      parameters.push({ name, type, context: 'internal' });
      continue;
    }
    const isList = type === 'string' && (await takesList(client, name));
    parameters.push({
      name,
      type: isList ? 'list' : type,
      context,
      ...(unit !== null && { unit }),
      ...(min !== null && min > -FINITE && { min }),
      ...(max !== null && max < FINITE && { max }),
      ...(values !== null && { values: [...new Set([...values, ...(VALUES_OF_OTHER_BUILDS[name] ?? [])])] }),
    });
  }
  return parameters;
}

type Nullable<T> = { [K in keyof T]: T[K] | null };
type Row = Pick<ParameterSpec, 'name' | 'type' | 'context'> &
  Nullable<Required<Pick<ParameterSpec, 'unit' | 'min' | 'max' | 'values'>>>;

/** Reals without a limit show that of the type, 1.79769e+308. */
const FINITE = 1e300;

/** No view tells: SET takes several values for a list alone. Outside a transaction SET LOCAL changes nothing. */
async function takesList(client: Client, name: string): Promise<boolean> {
  try {
    await client.query(`SET LOCAL ${name} = 'a', 'b'`);
    return true;
  } catch (error) {
    return !/takes only one argument/.test((error as Error).message);
  }
}

/** The parameters of several majors as one list: successive majors that have the same share a row. */
export function merge(byMajor: ReadonlyMap<number, readonly ParameterSpec[]>): ParameterSpec[] {
  const majors = [...byMajor.keys()].sort((a, b) => a - b);
  const [oldest, newest] = [majors[0], majors.at(-1)];
  const merged: { spec: ParameterSpec; since: number; until: number }[] = [];
  for (const [position, major] of majors.entries()) {
    for (const spec of byMajor.get(major) ?? []) {
      const same = merged.find(
        ({ spec: earlier, until }) =>
          until === majors[position - 1] && JSON.stringify(earlier) === JSON.stringify(spec),
      );
      if (same === undefined) merged.push({ spec, since: major, until: major });
      else same.until = major;
    }
  }
  const byName = (a: ParameterSpec, b: ParameterSpec): number => Number(a.name > b.name) - Number(a.name < b.name);
  return merged
    .map(({ spec, since, until }) => ({
      ...spec,
      ...(since !== oldest && { since }),
      ...(until !== newest && { until }),
    }))
    .sort(byName);
}

/** What the file says of one major. */
export function parametersOf(major: number): ParameterSpec[] {
  return (data.parameters as ParameterSpec[]).flatMap(({ since = OLDEST_MAJOR, until = NEWEST_MAJOR, ...spec }) =>
    since <= major && major <= until ? [spec] : [],
  );
}

/** A row a line: a new major's differences can be read. */
export function fileText(byMajor: ReadonlyMap<number, readonly ParameterSpec[]>): string {
  const majors = [...byMajor.keys()].sort((a, b) => a - b);
  const lines = merge(byMajor).map((spec) => JSON.stringify(spec));
  return `{"majors":${JSON.stringify(majors)},"parameters":[\n${lines.join(',\n')}\n]}\n`;
}

/** Starts a server of its own with those programs. */
async function readFrom(programs: string): Promise<{ major: number; parameters: ParameterSpec[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'coach-parameters-'));
  // The account that runs the server passes through it.
  chmodSync(folder, 0o711);
  const target = {
    host: '127.0.0.1',
    port: await findFreePort(5700, 5800),
    user: 'postgres',
    password: randomBytes(12).toString('hex'),
  };
  const placed = placeServer(
    {
      dataDirectory: join(folder, 'data'),
      logDirectory: join(folder, 'logs'),
      packageRoot: process.cwd(),
      binaries: programs,
      host: target.host,
      port: target.port,
      adminUser: target.user,
      adminPassword: target.password,
      parameters: { shared_preload_libraries: PRELOADED.join(',') },
    },
    { uid: process.getuid?.(), sudoUid: undefined, pathVariable: process.env['PATH'] ?? '', systemFolder: folder },
  );
  try {
    await bringUp(placed);
    const parameters = await withClient({ ...target, database: 'postgres' }, readServerParameters);
    return { major: placed.binaries.major, parameters };
  } finally {
    await stopServer(placed.process, 'immediate');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(folders: readonly string[]): Promise<void> {
  const byMajor = new Map(MAJORS.map((major) => [major, parametersOf(major)]));
  for (const folder of folders) {
    const { major, parameters } = await readFrom(folder);
    byMajor.set(major, parameters);
  }
  writeFileSync(FILE, fileText(byMajor));
}

if (require.main === module) void main(process.argv.slice(2));
