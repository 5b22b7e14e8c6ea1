import { mkdirSync, rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';

import { lockStack } from '../../engine/state/lock';
import { withFolderLock } from '../../postgres/backup/lock';
import type { Manifest } from '../../postgres/backup/manifest';
import { readManifest } from '../../postgres/backup/manifestFile';
import { findDumpPrograms } from '../../postgres/backup/programs';
import { stageFolder, sweepLeftovers } from '../../postgres/backup/prune';
import { readThrough } from '../../postgres/backup/readThrough';
import {
  backupBad,
  keptDatabases,
  type Restored,
  restoreDatabase,
  type RestorePhase,
} from '../../postgres/backup/restore/restore';
import { writeScript } from '../../postgres/backup/restore/script';
import { withClient } from '../../postgres/connection/client';
import { quoteIdentifier } from '../../postgres/connection/quote';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, done, failed } from '../command';
import { phasesTable } from '../report/phases';
import { renderText } from '../report/text';
import { writeReport } from '../report/write';
import { reportHome } from '../stack';
import { withStore } from './bucket';
import { chooseBackup } from './choose';
import { fetchBackup } from './fetch';
import { JOBS } from './jobs';
import { identityFor, RESTORE_PHASES } from './verify';
import { type BackupDatabase, type BackupWorkplace, openDatabase, openWorkplace } from './workplace';

export interface RestoreRequest {
  id: string | undefined;
  from: string | undefined;
  toFile: string | undefined;
  foreign: boolean;
  dropOld: boolean;
}

/** `restore`. */
export async function restoreBackup(context: CommandContext, request: RestoreRequest): Promise<CommandResult> {
  const workplace = openWorkplace(context);
  const { directory } = workplace;
  const { id, from, toFile, dropOld } = request;
  if (id !== undefined && from !== undefined)
    throw new PlatformError('usage', `Both a backup (${id}) and --from were given.`, 'Give one of them.', {
      kind: 'usage',
      object: '--from',
    });
  return withFolderLock(directory, async () => {
    sweepLeftovers(directory);
    if (dropOld && id === undefined && from === undefined && toFile === undefined) return dropKept(context, workplace);
    const source = await sourceOf(context, workplace, request);
    if (toFile !== undefined) return toScript(context, workplace, source, resolve(toFile));
    return intoDatabase(context, workplace, source, request);
  });
}

interface Source {
  folder: string;
  manifest: Manifest;
}

async function sourceOf(
  context: CommandContext,
  workplace: BackupWorkplace,
  { id, from }: RestoreRequest,
): Promise<Source> {
  const folder =
    from === undefined
      ? await chosen(context, workplace, id)
      : from.startsWith('s3://')
        ? await fetchedFrom(context, workplace, from)
        : resolve(from);
  // A folder that was copied here proves itself as any other.
  return { folder, manifest: readManifest(folder, workplace.key) };
}

/** A backup in S3 becomes one of the folder first. */
async function fetchedFrom(context: CommandContext, workplace: BackupWorkplace, uri: string): Promise<string> {
  const { parseUri } = await import('../../postgres/backup/s3/keys');
  const { bucket, prefix, id } = parseUri(uri);
  return fetchBackup(context, workplace, id, { bucket, prefix });
}

/** The newest good one, or the one of that id: of the folder, in the task of the bucket. */
async function chosen(context: CommandContext, workplace: BackupWorkplace, id: string | undefined): Promise<string> {
  if (workplace.stack.task === undefined) return chooseBackup(workplace, id).folder;
  const { chooseStored } = await import('./s3Commands');
  const stored = await withStore(workplace, (store) => chooseStored(store, id, context.signal));
  return fetchBackup(context, workplace, stored.id);
}

async function intoDatabase(
  context: CommandContext,
  workplace: BackupWorkplace,
  source: Source,
  request: RestoreRequest,
): Promise<CommandResult> {
  const startedAt = new Date();
  const { stack, directory, pathVariable } = workplace;
  const { manifest, folder } = source;
  const database = await openDatabase(context, workplace);
  refuseForeign(manifest, stack.name, database.name, request.foreign);
  const question =
    `Database ${database.name} would be replaced by backup ${manifest.id} of ${manifest.startedAt.slice(0, 16).replace('T', ' ')} UTC; ` +
    `its sessions are ended, and it is kept under another name${request.dropOld ? ' until this has succeeded, then dropped' : ''}. Go on?`;
  if (!(await confirm(context, question))) throw declined();
  const lock = database.state === undefined ? undefined : await lockStack(database.state.paths.lockDirectory);
  let restored: Restored | undefined;
  let error: unknown;
  const seconds = new Map<string, number>();
  let [phase, since]: [RestorePhase | undefined, number] = [undefined, performance.now()];
  const enter = (next: RestorePhase | undefined): void => {
    const now = performance.now();
    if (phase !== undefined) seconds.set(phase, Math.round(now - since) / 1000);
    [phase, since] = [next, now];
    context.passing(next === undefined ? '' : `  ${RESTORE_PHASES[next]}`, true);
  };
  try {
    restored = await restoreDatabase({
      admin: await database.admin(),
      live: database.name,
      folder,
      manifest,
      stage: stageFolder(directory, basename(folder)),
      pathVariable,
      identity: identityFor(manifest, workplace.identity),
      binaries: database.binaries,
      jobs: JOBS,
      signal: context.signal,
      onPhase: enter,
    });
    enter(undefined);
  } catch (thrown) {
    error = thrown;
  } finally {
    lock?.release();
  }
  const dropped = restored === undefined || !request.dropOld ? [] : await dropAll(database);
  const fields = {
    backup: manifest.id,
    database: database.name,
    restored: restored ?? null,
    dropped,
    seconds: Object.fromEntries(seconds),
  };
  const base = error === undefined ? done('', fields, 'changed') : failed([error], '', fields);
  const kept = restored?.kept !== undefined && dropped.length === 0 ? restored.kept : undefined;
  const document = {
    title: `Restore of ${database.name}`,
    status: base.status,
    stack: stack.name,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    summary:
      restored === undefined
        ? (base.problems[0]?.message ?? '')
        : `Backup ${manifest.id} is in its place, ${restored.tables} tables compared row by row with what was dumped.` +
          (kept === undefined
            ? ''
            : ` The former database is ${kept}: \`npm run coachdb -- restore --drop-old\` drops it.`),
    facts: [
      { label: 'Backup', value: manifest.id },
      { label: 'Taken', value: manifest.startedAt },
      { label: 'Rows', value: restored?.rows ?? null, kind: 'integer' as const },
      ...(kept === undefined ? [] : [{ label: 'Kept as', value: kept }]),
      ...(restored === undefined || restored.madeRoles.length === 0
        ? []
        : [{ label: 'Roles made', value: restored.madeRoles.join(', ') }]),
    ],
    sections: [{ heading: 'Time', tables: [phasesTable(Object.fromEntries(seconds))] }],
    problems: base.problems,
  };
  const written = writeReport(reportHome(stack), 'restore', document, fields);
  return {
    ...base,
    fields: { ...fields, report: written.files },
    text: (display) => `${renderText(document, display)}\n\n${written.notice}`,
  };
}

function refuseForeign({ id, stack, database }: Manifest, own: string, name: string, isAllowed: boolean): void {
  if (isAllowed || (stack === own && database.name === name)) return;
  throw new PlatformError(
    'backup-foreign',
    `Backup ${id} is of database ${database.name} of stack ${stack}; this is ${name} of stack ${own}.`,
    'Add --foreign if that is what you want.',
    { kind: 'refused', object: id },
  );
}

async function dropKept(context: CommandContext, workplace: BackupWorkplace): Promise<CommandResult> {
  const database = await openDatabase(context, workplace);
  const kept = await withClient(await database.admin(), (client) => keptDatabases(client, database.name));
  if (kept.length === 0) return done('No database was put aside by a restore.', { dropped: [] });
  if (!(await confirm(context, `These databases would be dropped: ${kept.join(', ')}. Go on?`))) throw declined();
  const dropped = await dropAll(database);
  return done(`Dropped ${dropped.join(', ')}.`, { dropped }, 'changed');
}

const dropAll = async (database: BackupDatabase): Promise<string[]> =>
  withClient(await database.admin(), async (client) => {
    const kept = await keptDatabases(client, database.name);
    for (const name of kept) await client.query(`DROP DATABASE ${quoteIdentifier(name)}`);
    return kept;
  });

/** The SQL of a backup, for people; no server is needed. */
async function toScript(
  context: CommandContext,
  { directory, pathVariable, identity }: BackupWorkplace,
  { folder, manifest }: Source,
  file: string,
): Promise<CommandResult> {
  const stage = stageFolder(directory, basename(folder));
  try {
    mkdirSync(stage, { mode: 0o700 });
    context.passing('  reading every file', true);
    const findings = await readThrough(folder, manifest, {
      pathVariable,
      identity: identityFor(manifest, identity),
      depth: 'content',
      stage,
      signal: context.signal,
    });
    if (findings.length > 0) throw backupBad(manifest.id, findings);
    const programs = findDumpPrograms(manifest.server.major, pathVariable);
    context.passing('  writing the script', true);
    await writeScript(stage, manifest, programs, file, context.signal);
    context.passing('');
    return done(`The SQL of backup ${manifest.id} is in ${file}.`, { backup: manifest.id, file }, 'changed');
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
