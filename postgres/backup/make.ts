import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { Client } from 'pg';

import { flushFolder } from '../../system/atomicFile';
import { PlatformError } from '../../system/errors';
import { storageError } from '../../system/storageError';
import { withClient } from '../connection/client';
import { connectionLost, isConnectionLost } from '../connection/lost';
import type { ConnectionTarget } from '../spec';
import { checkContents, tableDataOf } from './archive';
import { zstdProgram } from './compress';
import { describeDatabase, DESCRIPTION_FILE } from './description';
import { DUMP_FOLDER, dumpDirectory, type Dumped, dumpPlain, type DumpRequest, PLAIN_DUMP } from './dump';
import { encryptFiles } from './encryption';
import { type Generation, type Layout, type Manifest, MANIFEST_FORMAT, type ManifestFile } from './manifest';
import { backupId, writeManifest } from './manifestFile';
import { Measured } from './measured';
import { type DumpPrograms, findDumpPrograms } from './programs';
import { type Finding, findingsText, readThrough } from './readThrough';
import { beginSnapshot, type DumpedTable, type Snapshot, tableLabel } from './snapshot';
import { syncFolder } from './sync';
import { tableChecksum } from './tableChecksum';

export type BackupPhase = 'snapshot' | 'dump' | 'verify' | 'encrypt' | 'sync';

export interface BackupRequest {
  stack: string;
  /** The role for backups. */
  target: ConnectionTarget;
  /** Holds the stack's backups. */
  directory: string;
  layout: Layout;
  /** False: nothing is. */
  compress: boolean;
  generation: Generation;
  reason: string;
  by: string;
  /** Of this program. */
  version: string;
  pathVariable: string;
  /** Folder of the server's programs. */
  binaries?: string | undefined;
  jobs: number;
  /** Signs the manifest. */
  key?: Buffer | undefined;
  /** Public keys of age; empty: not encrypted. */
  recipients?: readonly string[];
  signal?: AbortSignal | undefined;
  onPhase?: (phase: BackupPhase) => void;
  onTable?: (tag: string) => void;
}

export interface MadeBackup {
  folder: string;
  manifest: Manifest;
}

/**
 * Dumps the database, reads the dump back, and only then gives the folder its name: whatever has a manifest is good, and a run that
 * ends at any moment before leaves a folder that nobody takes for one.
 */
export async function makeBackup(request: BackupRequest): Promise<MadeBackup> {
  const startedAt = new Date();
  const id = backupId(startedAt, randomBytes(2).toString('hex'));
  const partial = join(request.directory, `.partial-${id}.${process.pid}`);
  const clock = new PhaseClock(request.onPhase);
  try {
    mkdirSync(partial, { mode: 0o700 });
    const manifest = await withClient(
      request.target,
      (client) => dump(client, request, { id, startedAt, partial, clock }),
      { applicationName: 'coachdb backup' },
    );
    clock.enter('sync');
    syncFolder(partial);
    const whole = { ...manifest, finishedAt: new Date().toISOString(), seconds: clock.seconds() };
    request.signal?.throwIfAborted();
    writeManifest(partial, whole, request.key);
    const folder = join(request.directory, id);
    renameSync(partial, folder);
    flushFolder(request.directory);
    return { folder, manifest: whole };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw isConnectionLost(error)
      ? connectionLost('the dump', 'Nothing of it was kept.', error)
      : storageError(partial, error);
  }
}

interface Run {
  id: string;
  startedAt: Date;
  partial: string;
  clock: PhaseClock;
}

async function dump(client: Client, request: BackupRequest, run: Run): Promise<Manifest> {
  const { partial, clock } = run;
  clock.enter('snapshot');
  const snapshot = await beginSnapshot(client);
  const { server, tables } = snapshot;
  const programs = findDumpPrograms(server.major, request.pathVariable, request.binaries);
  const description = await describeDatabase(client, server.major);
  writeFileSync(join(partial, DESCRIPTION_FILE), `${JSON.stringify(description, undefined, 2)}\n`, { mode: 0o600 });

  clock.enter('dump');
  const compression = compressionOf(request);
  const [dumped, sums] = await bothOf(request.signal, (signal) => {
    const asked: DumpRequest = {
      programs,
      target: request.target,
      pathVariable: request.pathVariable,
      snapshot: snapshot.name,
      folder: partial,
      jobs: request.jobs,
      compression,
      signal,
      ...(request.onTable === undefined ? {} : { onTable: request.onTable }),
    };
    return [
      request.layout === 'plain' ? dumpPlain(asked).then((): Dumped => new Map()) : dumpDirectory(asked),
      checksums(client, tables, signal),
    ];
  });
  await client.query('ROLLBACK');

  clock.enter('verify');
  const files = await filesOf(partial, dumped, request.signal);
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    id: run.id,
    stack: request.stack,
    database: { name: request.target.database, system: snapshot.system },
    layout: request.layout,
    compression: compression.method,
    encryption: null,
    generation: request.generation,
    reason: request.reason,
    by: request.by,
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.startedAt.toISOString(),
    seconds: {},
    server,
    tools: { pgDump: programs.version, coachdb: request.version },
    walPosition: snapshot.walPosition,
    files,
    tables: await withFiles(partial, request.layout, programs, sums, files),
    largeObjects: snapshot.largeObjects,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  await requireWhole(partial, manifest, programs, request);
  if ((request.recipients ?? []).length === 0) return manifest;
  clock.enter('encrypt');
  const encrypted = await encryptFiles(partial, manifest, request.recipients ?? [], request.signal);
  const { pathVariable, signal } = request;
  const findings = await readThrough(partial, encrypted, { pathVariable, depth: 'bytes', signal });
  if (findings.length > 0) throw notGood(findings);
  return encrypted;
}

/** A script is one file that people unpack by hand: gzip. */
function compressionOf({ layout, compress, pathVariable }: BackupRequest): DumpRequest['compression'] {
  if (layout === 'plain') return { method: 'gzip' };
  if (!compress) return { method: 'none' };
  const program = zstdProgram(pathVariable);
  return program === undefined ? { method: 'gzip' } : { method: 'zstd', program };
}

/** The first two depths, which every backup has to pass before it is one. */
async function requireWhole(
  folder: string,
  manifest: Manifest,
  programs: DumpPrograms,
  { pathVariable, signal }: BackupRequest,
): Promise<void> {
  const findings = [
    ...(await readThrough(folder, manifest, { pathVariable, depth: 'content', signal })),
    ...(manifest.layout === 'plain' ? [] : await checkContents(folder, manifest, programs)),
  ];
  if (findings.length > 0) throw notGood(findings);
}

function notGood(findings: readonly Finding[]): PlatformError {
  return new PlatformError(
    'backup-not-good',
    `The dump was written, and is not whole when it is read back: ${findingsText(findings)}. It was removed.`,
    'Run the command again; if it happens twice, look at the disk (`dmesg`, `smartctl`).',
    { object: findings[0]?.path ?? '' },
  );
}

interface CountedTable extends DumpedTable {
  rows: number;
  checksum: string;
}

/** One after the other, in the snapshot's own session: pg_dump keeps the other processors busy. */
async function checksums(client: Client, tables: Snapshot['tables'], signal: AbortSignal): Promise<CountedTable[]> {
  const counted: CountedTable[] = [];
  for (const table of tables) {
    signal.throwIfAborted();
    counted.push({ ...table, ...(await tableChecksum(client, table.schema, table.name)) });
  }
  return counted;
}

/** Two works at once, of which a failure ends the other; both have ended afterwards. */
async function bothOf<A, B>(
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => [Promise<A>, Promise<B>],
): Promise<[A, B]> {
  const abort = new AbortController();
  const works = start(signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]));
  try {
    return await Promise.all(works);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(works);
    signal?.throwIfAborted();
    throw error;
  }
}

async function filesOf(folder: string, dumped: Dumped, signal?: AbortSignal): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const at = join(entry.parentPath, entry.name);
    const path = relative(folder, at).split(sep).join('/');
    const known = dumped.get(path);
    if (known !== undefined) {
      files.push({ path, bytes: known.bytes, sha256: known.sha256 });
      continue;
    }
    signal?.throwIfAborted();
    const measured = new Measured();
    measured.resume();
    await pipeline(createReadStream(at), measured);
    files.push({ path, ...measured.facts() });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Each table with the file that has its rows. Throws `dump-incomplete` for one that pg_dump left out. */
async function withFiles(
  folder: string,
  layout: Layout,
  programs: DumpPrograms,
  tables: readonly CountedTable[],
  files: readonly ManifestFile[],
): Promise<Manifest['tables']> {
  const entries = layout === 'plain' ? [] : await tableDataOf(join(folder, DUMP_FOLDER), programs);
  const fileOf = ({ oid }: CountedTable): string | undefined => {
    if (layout === 'plain') return PLAIN_DUMP;
    const entry = entries.find((one) => one.oid === oid);
    return files.find(({ path }) => path.startsWith(`${DUMP_FOLDER}/${entry?.id}.dat`))?.path;
  };
  return tables.map((table) => {
    const file = fileOf(table);
    if (file !== undefined && statSync(join(folder, file)).isFile())
      return { schema: table.schema, name: table.name, rows: table.rows, checksum: table.checksum, file };
    throw new PlatformError(
      'dump-incomplete',
      `pg_dump left ${tableLabel(table)} out, which has ${table.rows} rows.`,
      'This should not happen: please report it with the table’s definition.',
      { object: tableLabel(table) },
    );
  });
}

class PhaseClock {
  private phase: BackupPhase | undefined;
  private since = 0;
  private readonly spent = new Map<BackupPhase, number>();

  constructor(private readonly onPhase: ((phase: BackupPhase) => void) | undefined) {}

  enter(phase: BackupPhase): void {
    this.settle();
    this.phase = phase;
    this.onPhase?.(phase);
  }

  seconds(): Record<string, number> {
    this.settle();
    return Object.fromEntries([...this.spent].map(([phase, ms]) => [phase, Math.round(ms) / 1000]));
  }

  private settle(): void {
    const now = performance.now();
    if (this.phase !== undefined) this.spent.set(this.phase, (this.spent.get(this.phase) ?? 0) + now - this.since);
    this.since = now;
  }
}
