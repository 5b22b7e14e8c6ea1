import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Client } from 'pg';

import type { BenchmarkServer } from '../server';
import type { LoadFigures } from './load';
import type { TargetSchema } from './schema';

const run = promisify(execFile);

export const CONTENDERS = ['ours', 'unverified', 'pipe', 'duckdb', 'pgloader'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Why it cannot be measured here; undefined: it can. */
export async function missing(contender: Contender): Promise<string | undefined> {
  const needs: Partial<Record<Contender, [string, string[]]>> = {
    pipe: ['sh', ['-c', 'command -v sqlite3 psql']],
    duckdb: ['python3', ['-c', 'import duckdb, duckdb_extension_sqlite_scanner, duckdb_extension_postgres_scanner']],
    pgloader: ['sh', ['-c', 'command -v pgloader']],
  };
  const need = needs[contender];
  if (need === undefined) return undefined;
  return run(...need).then(
    () => undefined,
    () =>
      ({
        pipe: 'sqlite3 or psql is not installed',
        duckdb: 'python3 has no duckdb, or not its two scanners',
        pgloader: 'pgloader is not installed',
      })[contender as 'pipe'],
  );
}

export interface Setting {
  server: BenchmarkServer;
  schema: TargetSchema;
  file: string;
  /** An empty database, and a connection to it. */
  database: string;
  client: Client;
}

/** Loads everything, keys and references included; returns what only our process says of itself. */
export async function loadWith(contender: Contender, setting: Setting): Promise<LoadFigures | undefined> {
  switch (contender) {
    case 'ours':
      return ours(setting, 'verify');
    case 'unverified':
      return ours(setting, 'trust');
    case 'pipe':
      await pipe(setting);
      return undefined;
    case 'duckdb':
      await duckdb(setting);
      return undefined;
    case 'pgloader':
      await pgloader(setting);
      return undefined;
  }
}

/** Our tables are complete before the load begins, as migrations make them; whoever loads first makes them in two steps. */
export async function prepare(contender: Contender, { client, schema }: Setting): Promise<void> {
  await client.query(schema.tables);
  if (contender === 'ours' || contender === 'unverified')
    for (const statement of [...schema.keys, ...schema.references]) await client.query(statement);
}

async function finish({ client, schema }: Setting): Promise<void> {
  for (const statement of [...schema.keys, ...schema.references, 'ANALYZE']) await client.query(statement);
}

async function ours({ server, file, database }: Setting, how: 'verify' | 'trust'): Promise<LoadFigures> {
  const { host, port, user, password } = server.address;
  const args = [join(__dirname, 'load.js'), file, host, String(port), database, user, how];
  const { stdout } = await run(process.execPath, args, { env: { PATH: process.env['PATH'], PGPASSWORD: password } });
  return JSON.parse(stdout) as LoadFigures;
}

const time = (column: string): string => `strftime('%Y-%m-%d %H:%M:%f', ${column} / 1000.0, 'unixepoch')`;

/** What somebody who knows both databases writes by hand. */
const BY_HAND: Readonly<Record<string, string>> = {
  User: `id, email, name, role, ${time('createdAt')}, ${time('updatedAt')}`,
  Student: `id, userId, name, date(birthDate / 1000, 'unixepoch'), location, language, active, preferences, ${time('createdAt')}, ${time('updatedAt')}`,
  CompletedLesson: `id, studentId, lessonId, minutes, score, ${time('completedAt')}`,
  Assessment: `id, studentId, subject, score, passed, answers, ${time('takenAt')}`,
};

async function pipe(setting: Setting): Promise<void> {
  const { server, file, database } = setting;
  const { host, port, user, password } = server.address;
  const env = { PATH: process.env['PATH'], PGPASSWORD: password, PGOPTIONS: '-c client_min_messages=warning' };
  for (const [table, columns] of Object.entries(BY_HAND)) {
    const copy = `psql -qX -h ${host} -p ${port} -U ${user} -d ${database} -c 'COPY "${table}" FROM STDIN (FORMAT csv)'`;
    await run(
      'sh',
      ['-c', `set -e; sqlite3 -csv "$1" "$2" | ${copy}`, 'sh', file, `SELECT ${columns} FROM "${table}"`],
      { env },
    );
  }
  await finish(setting);
}

const DUCKDB_TIMES = (column: string): string => `make_timestamp("${column}"::BIGINT * 1000)`;
const DUCKDB: Readonly<Record<string, string>> = {
  User: `id, email, name, role, ${DUCKDB_TIMES('createdAt')}, ${DUCKDB_TIMES('updatedAt')}`,
  Student: `id, userId, name, ${DUCKDB_TIMES('birthDate')}::DATE, location, language, active::BIGINT <> 0, preferences, ${DUCKDB_TIMES('createdAt')}, ${DUCKDB_TIMES('updatedAt')}`,
  CompletedLesson: `id, studentId, lessonId, minutes::INTEGER, score::INTEGER, ${DUCKDB_TIMES('completedAt')}`,
  Assessment: `id, studentId, subject, score::DOUBLE, passed::BIGINT <> 0, answers, ${DUCKDB_TIMES('takenAt')}`,
};

/** Both scanners, every column's cast by hand; integers are read as text first, or times would be taken as microseconds. */
async function duckdb(setting: Setting): Promise<void> {
  const { server, file, database } = setting;
  const { host, port, user, password } = server.address;
  const inserts = Object.entries(DUCKDB).map(
    ([table, columns]) => `INSERT INTO p."${table}" SELECT ${columns} FROM s."${table}"`,
  );
  const script = `
import duckdb, glob, importlib, os, sys
db = duckdb.connect()
for name in ('sqlite_scanner', 'postgres_scanner'):
    folder = os.path.dirname(importlib.import_module('duckdb_extension_' + name).__file__)
    db.execute("LOAD '" + glob.glob(folder + '/**/*.duckdb_extension', recursive=True)[0] + "'")
db.execute("SET sqlite_all_varchar = true")
db.execute("ATTACH '" + sys.argv[1] + "' AS s (TYPE sqlite, READ_ONLY)")
db.execute("ATTACH '" + sys.argv[2] + "' AS p (TYPE postgres)")
for insert in sys.argv[3:]:
    db.execute(insert)
`;
  const target = `host=${host} port=${port} user=${user} dbname=${database}`;
  const env = { ...process.env, PGPASSWORD: password };
  await run('python3', ['-c', script, file, target, ...inserts], { env });
  await finish(setting);
}

/** Into tables of its own making: it drops what it finds. */
async function pgloader({ server, file, database }: Setting): Promise<void> {
  const { host, port, user, password } = server.address;
  const target = `postgresql://${user}:${password}@${host}:${port}/${database}`;
  await run('pgloader', ['--on-error-stop', `sqlite://${file}`, target]);
}
