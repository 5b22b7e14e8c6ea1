import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type BackupRequest, type MadeBackup, makeBackup } from '../../../postgres/backup/make';
import { programOnPath } from '../../../postgres/backup/programs';
import { stageFolder } from '../../../postgres/backup/prune';
import { rehearseRestore, restoreDatabase, type RestoreRequest } from '../../../postgres/backup/restore/restore';
import { openClient } from '../../../postgres/connection/client';
import type { ConnectionTarget } from '../../../postgres/spec';
import { installedBinaries, type TestServer } from '../../support/cluster';

const run = promisify(execFile);

/** Of a server with its client programs, which npm's PostgreSQL lacks. COACH_BACKUP_BINARIES names another folder of such binaries. */
export const DUMP_BINARIES = [process.env['COACH_BACKUP_BINARIES'] ?? installedBinaries() ?? ''].find(
  (folder) => folder !== '' && existsSync(join(folder, 'pg_dump')),
);
export const WITHOUT_DUMP =
  DUMP_BINARIES === undefined
    ? 'no PostgreSQL with pg_dump is installed here (postgresql-NN and its client)'
    : undefined;

export const ZSTD = programOnPath('zstd', process.env['PATH'] ?? '');
export const WITHOUT_ZSTD = ZSTD === undefined ? 'the program zstd is not installed' : undefined;

/** A folder for a test's backups, with a PATH that has zstd and one that has nothing. */
export interface BackupFolders {
  directory: string;
  withZstd: string;
  withoutZstd: string;
  remove(): void;
}

export function backupFolders(): BackupFolders {
  const root = mkdtempSync(join(tmpdir(), 'coach-backups-'));
  const [directory, withZstd, withoutZstd] = ['backups', 'zstd', 'none'].map((name) => {
    const folder = join(root, name);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }) as [string, string, string];
  if (ZSTD !== undefined) symlinkSync(ZSTD, join(withZstd, 'zstd'));
  return { directory, withZstd, withoutZstd, remove: () => rmSync(root, { recursive: true, force: true }) };
}

export const targetOf = (server: TestServer, database: string, user = server.user): ConnectionTarget => ({
  host: server.host,
  port: server.port,
  database,
  user,
  password: server.password,
});

/** A backup as the command makes it; `more` instead of the usual. */
export function takeBackup(
  target: ConnectionTarget,
  directory: string,
  pathVariable: string,
  more: Partial<BackupRequest> = {},
): Promise<MadeBackup> {
  return makeBackup({
    stack: 'local',
    target,
    directory,
    layout: 'directory',
    compress: true,
    generation: 'daily',
    reason: 'test',
    by: 'somebody@somewhere',
    version: '0.1.0',
    pathVariable,
    binaries: DUMP_BINARIES,
    jobs: 2,
    ...more,
  });
}

const restoreRequest = (
  server: TestServer,
  live: string,
  { folder, manifest }: MadeBackup,
  pathVariable: string,
): RestoreRequest => ({
  admin: targetOf(server, 'postgres'),
  live,
  folder,
  manifest,
  stage: stageFolder(join(folder, '..'), manifest.id),
  pathVariable,
  binaries: DUMP_BINARIES,
  jobs: 2,
});

export const restoreInto = (
  server: TestServer,
  live: string,
  made: MadeBackup,
  pathVariable: string,
  more: Partial<RestoreRequest> = {},
) => restoreDatabase({ ...restoreRequest(server, live, made, pathVariable), ...more });

export const rehearse = (
  server: TestServer,
  live: string,
  made: MadeBackup,
  pathVariable: string,
  more: Partial<RestoreRequest> = {},
) => rehearseRestore({ ...restoreRequest(server, live, made, pathVariable), ...more });

/** What pg_dump says of everything but rows, the database's own properties included; without what is random in it. */
export async function schemaOf(server: TestServer, database: string): Promise<string> {
  const printed = await dumped(server, 'pg_dump', ['--schema-only', '--create', '--no-sync'], database);
  return printed.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

/** What pg_dumpall says of the roles of these names; passwords are nobody's but the server's. */
export async function rolesOf(server: TestServer, pattern: RegExp): Promise<string[]> {
  const printed = await dumped(server, 'pg_dumpall', ['--roles-only', '--no-role-passwords'], 'postgres');
  return (
    printed
      .split('\n')
      .filter((line) => pattern.test(line) && !/^\\|^--/.test(line))
      // Who granted a membership is whoever does.
      .map((line) => line.replace(/ GRANTED BY .*$/, ';'))
      .sort()
  );
}

async function dumped(server: TestServer, program: string, args: string[], database: string): Promise<string> {
  const { host, port, user, password } = server;
  const env = {
    LC_ALL: 'C',
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
  };
  return (await run(join(DUMP_BINARIES ?? '', program), args, { env, maxBuffer: 1 << 28 })).stdout;
}

/** A hash of the rows of every table, of every large object and every sequence, by name. Not by the code under test. */
export async function contentOf(server: TestServer, database: string): Promise<Record<string, string>> {
  const client = await openClient(targetOf(server, database));
  try {
    const { rows: tables } = await client.query<{ name: string; columns: string }>(
      `SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'S' THEN 'ROW(t.last_value, t.is_called)' ELSE 't.*' END AS columns FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE (c.relkind IN ('r', 'S') OR c.relkind = 'm' AND c.relispopulated) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`,
    );
    const found: Record<string, string> = {};
    for (const { name, columns } of tables) {
      const { rows } = await client.query<{ text: string }>(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(md5((${columns})::text), ' ' ORDER BY md5((${columns})::text))), '') AS text FROM ONLY ${name} AS t`,
      );
      found[name] = rows[0]?.text ?? '';
    }
    const { rows: objects } = await client.query<{ name: string; text: string }>(
      `SELECT 'large object ' || l.oid AS name, md5(lo_get(l.oid)) || ' ' || pg_get_userbyid(l.lomowner) || ' ' || coalesce(l.lomacl::text, '') AS text FROM pg_largeobject_metadata AS l ORDER BY l.oid`,
    );
    for (const { name, text } of objects) found[name] = text;
    return found;
  } finally {
    await client.end();
  }
}

/** Databases of the server that begin with this name. */
export async function databasesOf(server: TestServer, prefix: string): Promise<string[]> {
  const client = await openClient(targetOf(server, 'postgres'));
  try {
    const { rows } = await client.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname',
      [prefix],
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** What lies in a folder of backups but the backups. */
export const leftIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('.'));
