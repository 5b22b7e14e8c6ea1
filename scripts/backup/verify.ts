import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { checkContents } from '../../postgres/backup/archive';
import { type Identity, requireIdentity } from '../../postgres/backup/encryption';
import { type Depth, type FolderBackup, readBackups, writeNotes } from '../../postgres/backup/folder';
import { withFolderLock } from '../../postgres/backup/lock';
import type { Manifest } from '../../postgres/backup/manifest';
import { findDumpPrograms } from '../../postgres/backup/programs';
import { stageFolder, sweepLeftovers } from '../../postgres/backup/prune';
import { type Finding, readThrough } from '../../postgres/backup/readThrough';
import type { AmcheckResult } from '../../postgres/backup/restore/amcheck';
import { backupBad, rehearseRestore, type RestorePhase } from '../../postgres/backup/restore/restore';
import { CORRUPTED } from '../../postgres/backup/s3/failure';
import { PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { ExitCode } from '../exitCodes';
import type { Section } from '../report/document';
import { renderText } from '../report/text';
import { writeReport } from '../report/write';
import { reportHome } from '../stack';
import { withStore } from './bucket';
import { chooseBackup } from './choose';
import { fetchBackup } from './fetch';
import { JOBS } from './jobs';
import { writeMetrics } from './metrics';
import { type BackupDatabase, type BackupWorkplace, openDatabase, openWorkplace } from './workplace';

export interface VerifyRequest {
  id: string | undefined;
  all: boolean;
  depth: Depth;
}

interface Looked {
  backup: Pick<FolderBackup, 'id' | 'manifest'>;
  findings: Finding[];
  amcheck?: AmcheckResult;
  problem?: PlatformError;
  seconds: number;
}

export const RESTORE_PHASES: Record<RestorePhase, string> = {
  read: 'reading every file',
  restore: 'restoring beside the live database',
  compare: 'comparing every table',
  amcheck: 'checking indexes and tables',
  swap: 'swapping it in',
};

/** `backup verify`. What it finds is noted, so that rotation and `status` know. */
export async function verifyBackups(
  context: CommandContext,
  { id, all, depth }: VerifyRequest,
): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  const { stack, directory, key } = workplace;
  const looked = await withFolderLock(directory, async () => {
    sweepLeftovers(directory);
    const database = depth === 'restore' ? await openDatabase(context, workplace) : undefined;
    const results: Looked[] = [];
    if (stack.task !== undefined) {
      for (const stored of await storedBackups(context, workplace, id, all))
        results.push(await lookAtStored(context, workplace, stored, depth, database));
      return results;
    }
    const chosen = all
      ? readBackups(directory, key).filter(({ state }) => state !== 'incomplete')
      : [chooseBackup(workplace, id)];
    for (const backup of chosen) results.push(await look(context, workplace, backup, depth, database));
    return results;
  });
  const problems = looked.flatMap(({ problem }) => (problem === undefined ? [] : [toProblem(problem)]));
  const fields = {
    directory,
    depth,
    backups: looked.map(({ backup, findings, amcheck, problem, seconds }) => ({
      id: backup.id,
      ok: problem === undefined,
      findings,
      amcheck: amcheck ?? null,
      seconds,
    })),
  };
  const base = done('', fields);
  const result: CommandResult =
    problems.length === 0 ? base : { ...base, status: 'failed', exitCode: ExitCode.failed, problems };
  const document = {
    title: `Verification of backups of stack ${stack.name}`,
    status: result.status,
    stack: stack.name,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    summary: summaryOf(looked, depth),
    facts: [
      { label: 'Folder', value: directory },
      { label: 'Depth', value: depth },
    ],
    sections: sectionsOf(looked),
    problems,
  };
  const written = writeReport(reportHome(stack), 'backup verify', document, fields);
  writeMetrics(workplace, readBackups(directory, key), context.progress);
  return {
    ...result,
    fields: { ...fields, report: written.files },
    text: (display) => `${renderText(document, display)}\n\n${written.notice}`,
  };
}

/** In the task backups are in the bucket alone. */
async function storedBackups(
  { signal }: CommandContext,
  workplace: BackupWorkplace,
  id: string | undefined,
  all: boolean,
): Promise<string[]> {
  const { chooseStored } = await import('./s3Commands');
  return withStore(workplace, async (store) => {
    if (!all) return [(await chooseStored(store, id, signal)).id];
    return (await store.list(signal)).filter(({ state }) => state !== 'incomplete').map((one) => one.id);
  });
}

/** One after the other has room on the task's disk. */
async function lookAtStored(
  context: CommandContext,
  workplace: BackupWorkplace,
  id: string,
  depth: Depth,
  database: BackupDatabase | undefined,
): Promise<Looked> {
  const begun = performance.now();
  try {
    await fetchBackup(context, workplace, id);
    return await look(context, workplace, chooseBackup(workplace, id), depth, database);
  } catch (error) {
    // What did not come whole is bad there.
    if (!(error instanceof PlatformError) || error.code !== CORRUPTED) throw error;
    const seconds = Math.round(performance.now() - begun) / 1000;
    return { backup: { id }, findings: [], problem: error, seconds };
  } finally {
    rmSync(join(workplace.directory, id), { recursive: true, force: true });
  }
}

async function look(
  context: CommandContext,
  { directory, pathVariable, key, identity }: BackupWorkplace,
  backup: FolderBackup,
  depth: Depth,
  database: BackupDatabase | undefined,
): Promise<Looked> {
  const begun = performance.now();
  const seconds = (): number => Math.round(performance.now() - begun) / 1000;
  const { manifest, folder, id } = backup;
  let findings: Finding[] = [];
  let amcheck: AmcheckResult | undefined;
  let problem: PlatformError | undefined;
  try {
    // Says why the manifest does not hold.
    if (manifest === undefined) throw await manifestProblem(folder, key);
    const { signal } = context;
    if (database === undefined) {
      context.passing(`  reading ${id}`, true);
      findings = await readThrough(folder, manifest, {
        pathVariable,
        ...(depth === 'checksums'
          ? { depth: 'bytes' }
          : { depth: 'content', identity: identityFor(manifest, identity) }),
        signal,
      });
      if (depth !== 'checksums' && manifest.layout === 'directory' && manifest.encryption === null)
        findings.push(
          ...(await checkContents(folder, manifest, findDumpPrograms(manifest.server.major, pathVariable))),
        );
      if (findings.length > 0) throw backupBad(id, findings);
    } else {
      amcheck = await rehearseRestore({
        admin: await database.admin(),
        live: database.name,
        folder,
        manifest,
        stage: stageFolder(directory, id),
        pathVariable,
        identity: identityFor(manifest, identity),
        binaries: database.binaries,
        jobs: JOBS,
        signal,
        onPhase: (phase) => context.passing(`  ${id}: ${RESTORE_PHASES[phase]}`, true),
      });
      if (amcheck.problems.length > 0) throw corrupt(id, amcheck.problems);
    }
  } catch (error) {
    if (!(error instanceof PlatformError) || !ABOUT_BACKUP.has(error.code)) throw error;
    problem = error;
  }
  context.passing('');
  const verification = {
    depth,
    at: new Date().toISOString(),
    ok: problem === undefined,
    seconds: seconds(),
    problems: problem === undefined ? [] : [problem.message],
  };
  writeNotes(directory, id, { verifications: [...backup.notes.verifications, verification] });
  return {
    backup,
    findings,
    ...(amcheck === undefined ? {} : { amcheck }),
    ...(problem === undefined ? {} : { problem }),
    seconds: verification.seconds,
  };
}

/** Only what is encrypted needs one. */
export const identityFor = (manifest: Manifest, identity: () => Identity | undefined): Identity | undefined =>
  manifest.encryption === null ? undefined : requireIdentity(manifest.id, identity());

/** What says something of the backup; anything else is about the machine, and nothing is noted. */
const ABOUT_BACKUP = new Set([
  'backup-bad',
  'backup-corrupt',
  'backup-incomplete',
  'manifest-invalid',
  'manifest-altered',
  'manifest-unsigned',
  'manifest-forged',
  'restore-failed',
  'restore-differs',
]);

async function manifestProblem(folder: string, key: Buffer | undefined): Promise<unknown> {
  const { readManifest } = await import('../../postgres/backup/manifestFile');
  try {
    readManifest(folder, key);
    return new Error(`${folder} changed while it was read.`);
  } catch (error) {
    return error;
  }
}

const corrupt = (id: string, problems: readonly string[]): PlatformError =>
  new PlatformError(
    'backup-corrupt',
    `amcheck found ${problems.length} problems in what was restored from ${id}: ${problems.slice(0, 3).join('; ')}`,
    'Verify another backup the same way, and look at the disk of the server that restored it.',
    { object: id },
  );

function summaryOf(looked: readonly Looked[], depth: Depth): string {
  const bad = looked.filter(({ problem }) => problem !== undefined);
  if (looked.length === 0) return 'There was no backup to look at.';
  if (bad.length > 0)
    return `${bad.length} of ${looked.length} did not hold: ${bad.map(({ backup }) => backup.id).join(', ')}.`;
  const what = {
    checksums: 'whole, byte for byte',
    structure: 'whole, to the end of every file',
    restore: 'restored, equal and sound',
  };
  return looked.length === 1
    ? `Backup ${looked[0]?.backup.id ?? ''} is ${what[depth]}.`
    : `All ${looked.length} are ${what[depth]}.`;
}

function sectionsOf(looked: readonly Looked[]): Section[] {
  const found = looked.flatMap(({ backup, findings }) =>
    findings.map(({ kind, path, detail }) => [backup.id, kind, path, detail]),
  );
  return [
    {
      heading: 'Backups',
      tables: [
        {
          caption: 'What was looked at',
          columns: [
            { heading: 'Backup', kind: 'text' },
            { heading: 'Result', kind: 'text' },
            { heading: 'Tables', kind: 'integer' },
            { heading: 'Time', kind: 'seconds' },
            { heading: 'amcheck', kind: 'text' },
          ],
          rows: looked.map(({ backup, problem, seconds, amcheck }) => [
            backup.id,
            problem?.code ?? 'good',
            backup.manifest?.tables.length ?? null,
            seconds,
            amcheck === undefined
              ? null
              : amcheck.available
                ? `${amcheck.indexes} indexes, ${amcheck.tables} tables`
                : 'not installed',
          ]),
        },
      ],
    },
    ...(found.length === 0
      ? []
      : [
          {
            heading: 'Findings',
            tables: [
              {
                caption: 'What is wrong with which file',
                columns: ['Backup', 'Kind', 'File', 'Detail'].map((heading) => ({ heading, kind: 'text' as const })),
                rows: found,
              },
            ],
          },
        ]),
  ];
}
