import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { FolderBackup } from '../../postgres/backup/folder';
import { readBackups } from '../../postgres/backup/folder';
import { isBelowFloor } from '../../postgres/backup/freeSpace';
import { withFolderLock } from '../../postgres/backup/lock';
import { type BackupPhase, makeBackup } from '../../postgres/backup/make';
import { type Generation, GENERATIONS, type Layout, type Manifest } from '../../postgres/backup/manifest';
import { pruneFolder, sweepLeftovers } from '../../postgres/backup/prune';
import { generationOf } from '../../postgres/backup/rotation';
import type { S3Entry } from '../../postgres/backup/s3/list';
import { PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, failed } from '../command';
import { ExitCode } from '../exitCodes';
import { backupReport } from '../report/backupReport';
import { renderText } from '../report/text';
import { writeReport } from '../report/write';
import { reportHome } from '../stack';
import { planForBucket, pruneBucket, withStore } from './bucket';
import { diskOf } from './disk';
import { JOBS } from './jobs';
import { writeMetrics } from './metrics';
import { planFor } from './rotate';
import { type BackupWorkplace, openDatabase, openWorkplace, runBy } from './workplace';

export interface TakeRequest {
  layout: Layout;
  uploadS3: boolean;
  /** Instead of the settings'. */
  retentionDays: number | undefined;
  reason: string;
}

const PHASES: Record<BackupPhase, string> = {
  snapshot: 'looking at the database',
  dump: 'dumping',
  verify: 'reading the dump back',
  encrypt: 'encrypting it',
  sync: 'writing it to disk',
};

/** What a run did, for its report. */
export interface TakenBackup {
  manifest: Manifest;
  folder: string;
  /** Where it is in S3; undefined: it was not asked for, or failed. */
  uri: string | undefined;
  removedFromS3: string[];
  removed: string[];
  /** All good ones of the folder, oldest first, this one included. */
  history: FolderBackup[];
}

/** `backup`: dump, verify, rotate, report. */
export async function takeBackup(context: CommandContext, request: TakeRequest): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  const { stack, directory, key } = workplace;
  let taken: TakenBackup | undefined;
  const problems: PlatformError[] = [];
  let error: unknown;
  try {
    await withFolderLock(directory, async () => {
      for (const failure of sweepLeftovers(directory).failures) problems.push(failure);
      taken = await take(context, workplace, request, problems);
    });
  } catch (thrown) {
    error = thrown;
  }
  if (error instanceof PlatformError && error.kind === 'locked') throw error;
  const thrown = error === undefined ? problems : [error, ...problems];
  const status = error === undefined ? 'changed' : 'failed';
  const base: CommandResult =
    error === undefined
      ? {
          status,
          exitCode: problems.length > 0 ? ExitCode.failed : ExitCode.done,
          problems: problems.map(toProblem),
          fields: {},
          text: '',
        }
      : failed(thrown);
  const fields = {
    backup: taken === undefined ? null : summaryOf(taken),
    removed: taken?.removed ?? [],
    removedFromS3: taken?.removedFromS3 ?? [],
    directory,
  };
  const document = {
    ...backupReport({ stack: stack.name, directory, taken, error }),
    status: base.status,
    stack: stack.name,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    problems: base.problems,
  };
  const written = writeReport(reportHome(stack), 'backup', document, fields);
  writeMetrics(workplace, readBackups(directory, key), context.progress);
  return {
    ...base,
    fields: { ...fields, report: written.files },
    text: (display) => `${renderText(document, display)}\n\n${written.notice}`,
  };
}

async function take(
  context: CommandContext,
  workplace: BackupWorkplace,
  request: TakeRequest,
  problems: PlatformError[],
): Promise<TakenBackup> {
  const { stack, directory, key, pathVariable } = workplace;
  const { backup: settings } = stack.settings;
  // The task's disk goes with it.
  const uploadS3 = request.uploadS3 || stack.task !== undefined;
  const before = readBackups(directory, key);
  const removed: string[] = [];
  const rotate = (): void => {
    const pruned = pruneFolder(directory, planFor(workplace, readBackups(directory, key), request.retentionDays));
    removed.push(...pruned.removed);
    problems.push(...pruned.failures);
  };
  if (isBelowFloor(diskOf(directory), settings.minimumFree)) rotate();
  const bucket = uploadS3 ? await lookIntoBucket(workplace) : [];
  const database = await openDatabase(context, workplace);
  const { manifest, folder } = await makeBackup({
    stack: stack.name,
    target: database.backup,
    directory,
    layout: request.layout,
    compress: settings.compress,
    generation:
      stack.task === undefined
        ? longest(generationOf(new Date(), before), generationOf(new Date(), bucket))
        : generationOf(new Date(), bucket),
    reason: request.reason,
    by: runBy(),
    version: versionOf(context.root),
    pathVariable,
    binaries: database.binaries,
    jobs: JOBS,
    key,
    recipients: settings.age?.recipients ?? [],
    signal: context.signal,
    onPhase: (phase) => context.passing(`  ${PHASES[phase]}`, true),
    onTable: (table) => context.passing(`  dumped ${table}`),
  });
  context.passing('');
  rotate();
  const uploaded = uploadS3
    ? await upload(context, workplace, { folder, manifest }, request.retentionDays, problems)
    : undefined;
  const history = readBackups(directory, key).filter(({ state }) => state === 'good');
  return { manifest, folder, uri: uploaded?.uri, removedFromS3: uploaded?.removed ?? [], removed, history };
}

/** A bucket that gets one backup a week has no first of a week but that one. */
const longest = (one: Generation, other: Generation): Generation =>
  GENERATIONS.indexOf(one) > GENERATIONS.indexOf(other) ? one : other;

/** What is there already. A bucket that cannot be listed keeps nobody from the local backup: the upload says why. */
async function lookIntoBucket(workplace: BackupWorkplace): Promise<S3Entry[]> {
  try {
    return await withStore(workplace, (store) => store.list());
  } catch (error) {
    // What is only in the bucket is told what it stands for by what is there.
    if (!(error instanceof PlatformError) || error.kind === 'usage' || workplace.stack.task !== undefined) throw error;
    return [];
  }
}

/** Up, and then what is past its time there goes. The local backup stays whatever happens. */
async function upload(
  context: CommandContext,
  workplace: BackupWorkplace,
  { folder, manifest }: Pick<TakenBackup, 'folder' | 'manifest'>,
  retentionDays: number | undefined,
  problems: PlatformError[],
): Promise<{ uri: string; removed: string[] } | undefined> {
  const { signal } = context;
  try {
    return await withStore(workplace, async (store) => {
      await store.abortUnfinished();
      const { uri } = await store.upload(folder, manifest, {
        signal,
        progress: (done, total) => context.passing(`  uploaded ${Math.floor((done / Math.max(1, total)) * 100)} %`),
      });
      context.passing('');
      const pruned = await pruneBucket(
        store,
        planForBucket(workplace, await store.list(signal), retentionDays),
        signal,
      );
      problems.push(...pruned.failures);
      return { uri, removed: pruned.removed };
    });
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    problems.push(error);
    return undefined;
  }
}

const summaryOf = ({ manifest, folder, uri }: TakenBackup): Record<string, unknown> => {
  const { files, tables, ...rest } = manifest;
  return {
    ...rest,
    folder,
    uri: uri ?? null,
    files: files.length,
    tables: tables.map(({ schema, name, rows, checksum }) => ({ schema, name, rows, checksum })),
  };
};

export function versionOf(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}
