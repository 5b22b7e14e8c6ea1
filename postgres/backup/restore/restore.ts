import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';
import { openClient, withClient } from '../../connection/client';
import { connectionLost, isConnectionLost } from '../../connection/lost';
import { quoteIdentifier } from '../../connection/quote';
import type { ConnectionTarget } from '../../spec';
import { checkContents } from '../archive';
import { type Description, DESCRIPTION_FILE } from '../description';
import type { Identity } from '../encryption';
import type { Manifest } from '../manifest';
import { type DumpPrograms, findDumpPrograms } from '../programs';
import { type Finding, findingsText, readThrough } from '../readThrough';
import { type Administrator, administratorOf, asMember, CLOSED_LIMITS, closedLimit } from './administrator';
import { amcheck, type AmcheckResult } from './amcheck';
import { compareTables } from './compare';
import { createClosed, datedName, isDatedName, propertyStatements } from './database';
import { isOfSingleton, restoreArchive } from './pgRestore';
import { makeMissingRoles } from './roles';
import { swap } from './swap';

export type RestorePhase = 'read' | 'restore' | 'compare' | 'amcheck' | 'swap';

export interface RestoreRequest {
  /** The administrator, in a database that is not restored: `postgres`. */
  admin: ConnectionTarget;
  /** What the application's database is called. */
  live: string;
  folder: string;
  manifest: Manifest;
  /** A folder beside the backups, made and removed here. */
  stage: string;
  pathVariable: string;
  identity?: Identity | undefined;
  binaries?: string | undefined;
  jobs: number;
  signal?: AbortSignal | undefined;
  onPhase?: (phase: RestorePhase) => void;
}

export interface Restored {
  tables: number;
  rows: number;
  /** Roles that the server lacked. */
  madeRoles: string[];
  /** What the former database is called now; absent where there was none. */
  kept?: string;
}

/** Into a new database, compared table by table, and then in the live one's place. Until the swap the live one is not touched. */
export async function restoreDatabase(request: RestoreRequest): Promise<Restored> {
  return withRestored(request, 'restore', async ({ client, programs, name, description, madeRoles, administrator }) => {
    const { live, manifest, admin, signal } = request;
    request.onPhase?.('swap');
    signal?.throwIfAborted();
    const kept = datedName(live, 'before', new Date());
    const had = await swap(client, admin, { live, restored: name, kept }, description.database);
    await restoreArchive(request.stage, manifest, runIn(request, programs, live, administrator), 'rest');
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return { tables: manifest.tables.length, rows, madeRoles, ...(had ? { kept } : {}) };
  });
}

/** The third depth: into a scratch database, which is dropped; with amcheck. */
export async function rehearseRestore(request: RestoreRequest): Promise<AmcheckResult> {
  return withRestored(request, 'verify', async ({ name }) => {
    request.onPhase?.('amcheck');
    return withClient({ ...request.admin, database: name }, amcheck);
  });
}

interface RestoredDatabase {
  /** The administrator's, elsewhere. */
  client: Client;
  programs: DumpPrograms;
  name: string;
  description: Description;
  madeRoles: string[];
  administrator: Administrator;
}

/** `work` finds a database that is closed and complete. Unless it has another name afterwards, it is dropped. */
async function withRestored<T>(
  request: RestoreRequest,
  purpose: 'restore' | 'verify',
  work: (restored: RestoredDatabase) => Promise<T>,
): Promise<T> {
  const { admin, live, manifest, stage, signal } = request;
  const client = await openClient(admin);
  const name = datedName(live, purpose, new Date());
  try {
    const major = await majorOf(client, manifest);
    const programs = findDumpPrograms(major, request.pathVariable, request.binaries);
    await dropLeftovers(client, live);
    request.onPhase?.('read');
    mkdirSync(stage, { mode: 0o700 });
    await requireGood(request, programs);
    const description = JSON.parse(readFileSync(join(stage, DESCRIPTION_FILE), 'utf8')) as Description;
    request.onPhase?.('restore');
    const madeRoles = await makeMissingRoles(client, description);
    const administrator = await administratorOf(client);
    await createClosed(client, name, description.database, closedLimit(administrator));
    try {
      return await asMember(client, administrator, description.roles, async () => {
        await restoreArchive(stage, manifest, runIn(request, programs, name, administrator));
        await withClient({ ...admin, database: name }, (one) => one.query('ANALYZE'));
        request.onPhase?.('compare');
        await requireSame(request, name);
        for (const statement of propertyStatements(name, description.database, administrator))
          await client.query(statement);
        signal?.throwIfAborted();
        return work({ client, programs, name, description, madeRoles, administrator });
      });
    } catch (error) {
      throw await aboutServer(client, error);
    } finally {
      // After a swap nothing has this name.
      await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`).catch(() => undefined);
    }
  } finally {
    await client.end().catch(() => undefined);
    rmSync(stage, { recursive: true, force: true });
  }
}

/** A server that went away meanwhile says nothing about the backup, whatever pg_restore said last. */
async function aboutServer(client: Client, error: unknown): Promise<unknown> {
  const answers = await client.query('SELECT').then(
    () => true,
    () => false,
  );
  return answers && !isConnectionLost(error)
    ? error
    : connectionLost('the restore', 'The live database is as it was.', error);
}

const runIn = (
  { admin, pathVariable, jobs, signal }: RestoreRequest,
  programs: DumpPrograms,
  database: string,
  { superuser }: Administrator,
) => ({
  programs,
  superuser,
  target: { ...admin, database },
  pathVariable,
  jobs,
  signal,
});

async function majorOf(client: Client, { server, id }: Manifest): Promise<number> {
  const { rows } = await client.query<{ major: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS major`,
  );
  const major = rows[0]?.major ?? 0;
  if (major >= server.major) return major;
  throw new PlatformError(
    'backup-newer',
    `Backup ${id} is of PostgreSQL ${server.version}, and this server is ${major}: an older server does not take a newer one’s dump.`,
    `Restore it on PostgreSQL ${server.major} or newer.`,
    { kind: 'refused', object: id },
  );
}

async function requireGood(request: RestoreRequest, programs: DumpPrograms): Promise<void> {
  const { folder, manifest, stage, pathVariable, identity, signal } = request;
  const findings = [
    ...(await readThrough(folder, manifest, { pathVariable, identity, depth: 'content', stage, signal })),
    ...(manifest.layout === 'directory' ? await checkContents(stage, manifest, programs) : []),
  ];
  if (findings.length > 0) throw backupBad(manifest.id, findings);
}

/** With what was found where. */
export function backupBad(id: string, findings: readonly Finding[]): PlatformError {
  return new PlatformError(
    'backup-bad',
    `Backup ${id} is not whole: ${findingsText(findings)}. Nothing was restored.`,
    'Choose another: `npm run coachdb -- backup list`.',
    { kind: 'refused', object: id },
  );
}

async function requireSame(request: RestoreRequest, name: string): Promise<void> {
  const { admin, manifest, jobs, signal } = request;
  const clients: Client[] = [];
  try {
    for (let at = 0; at < Math.max(1, jobs); at += 1) clients.push(await openClient({ ...admin, database: name }));
    const tables = manifest.tables.filter((table) => !isOfSingleton(table));
    const differences = await compareTables(clients, { tables }, signal);
    if (differences.length === 0) return;
    const said = differences
      .slice(0, 5)
      .map(({ table, expected, found }) =>
        found === undefined
          ? `${table} is missing`
          : `${table} has ${found.rows} rows of sum ${found.checksum}, expected ${expected.rows} of ${expected.checksum}`,
      );
    throw new PlatformError(
      'restore-differs',
      `What was restored from backup ${manifest.id} is not what was dumped: ${said.join('; ')}. It was dropped; the live database is as it was.`,
      'Choose another backup, and report this with both versions of PostgreSQL.',
      { object: differences[0]?.table ?? '' },
    );
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/** Databases of runs that were killed: closed, of our names, and nobody in them. */
async function dropLeftovers(client: Client, live: string): Promise<void> {
  const left = [
    ...(await closedDatabases(client, live, 'restore')),
    ...(await closedDatabases(client, live, 'verify')),
  ];
  for (const name of left) await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
}

/** The databases that restores have put aside, newest first. */
export const keptDatabases = (client: Client, live: string): Promise<string[]> =>
  closedDatabases(client, live, 'before');

/** Closed ones that carry the name and a date, without sessions. */
async function closedDatabases(client: Client, live: string, purpose: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT d.datname AS name FROM pg_database AS d WHERE d.datconnlimit = ANY ($1) AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datname = d.datname) ORDER BY right(d.datname, 16) DESC`,
    [CLOSED_LIMITS],
  );
  return rows.map(({ name }) => name).filter((name) => isDatedName(name, live, purpose));
}
