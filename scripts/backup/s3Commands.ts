import { type Finding, findingsText } from '../../postgres/backup/readThrough';
import type { S3Entry } from '../../postgres/backup/s3/list';
import type { S3Store } from '../../postgres/backup/s3/store';
import { PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { ExitCode } from '../exitCodes';
import type { ReportDocument, Table } from '../report/document';
import { renderText } from '../report/text';
import { planForBucket, pruneBucket, withStore } from './bucket';
import { approve, presentPlan, presentPruned, type PruneRequest } from './prune';
import { type BackupWorkplace, openWorkplace } from './workplace';

/** `backup list --s3`. */
export async function listBucket(context: CommandContext): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  const entries = await withStore(workplace, (store) => store.list(context.signal));
  const good = entries.filter(({ state }) => state === 'good').length;
  const summary =
    entries.length === 0
      ? 'There is none: `npm run db:backup-s3` makes one.'
      : `${good} of ${entries.length} are good.`;
  const backups = entries.map(({ keys, etag: _etag, startedAt, lockedUntil, ...entry }) => ({
    ...entry,
    startedAt: startedAt.toISOString(),
    lockedUntil: lockedUntil?.toISOString() ?? null,
    objects: keys.length,
  }));
  return present({ workplace, startedAt }, done('', { backups }), summary, listTable(entries));
}

/** `backup prune --s3`. */
export async function pruneS3(context: CommandContext, request: PruneRequest): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  return withStore(workplace, async (store) => {
    const plan = planForBucket(workplace, await store.list(context.signal), request.retentionDays);
    const place = placeOf(workplace);
    if (request.dryRun) return presentPlan({ stack: workplace.stack.name, place, plan, startedAt }, request);
    await approve(context, plan);
    await store.abortUnfinished();
    const pruned = await pruneBucket(store, plan, context.signal);
    for (const { id, reason } of pruned.kept) context.progress(`  ${id} is kept: ${reason}`);
    return presentPruned({ stack: workplace.stack.name, place, plan, startedAt }, pruned.removed, pruned.failures);
  });
}

/** `backup pin --s3` and `backup unpin --s3`. */
export async function pinS3(context: CommandContext, id: string, pinned: boolean): Promise<CommandResult> {
  const workplace = openWorkplace(context);
  return withStore(workplace, async (store) => {
    const chosen = await chooseStored(store, id, context.signal);
    await (pinned ? store.pin(chosen.id) : store.unpin(chosen.id));
    const text = `${chosen.uri} ${pinned ? 'stays whatever its age.' : 'goes when its time has come.'}`;
    return done(text, { id: chosen.id, pinned }, chosen.pinned === pinned ? 'ok' : 'changed');
  });
}

/** `backup verify --s3`: every byte is read back. */
export async function verifyS3(context: CommandContext, id: string | undefined, all: boolean): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  const { signal } = context;
  return withStore(workplace, async (store) => {
    const chosen = all ? await store.list(signal) : [await chooseStored(store, id, signal)];
    const looked: { id: string; ok: boolean; findings: unknown[] }[] = [];
    const problems: PlatformError[] = [];
    for (const entry of chosen) {
      context.passing(`  reading ${entry.uri}`, true);
      const key = workplace.key === undefined ? {} : { key: workplace.key };
      const { findings, problem } = await store
        .verify(entry.id, { signal, ...key })
        .then((verified) => ({ findings: verified.findings, problem: undefined }))
        .catch((error: unknown) => {
          signal.throwIfAborted();
          if (!(error instanceof PlatformError)) throw error;
          return { findings: [], problem: error };
        });
      if (problem !== undefined) problems.push(problem);
      else if (findings.length > 0) problems.push(bad(entry, findings));
      looked.push({ id: entry.id, ok: problem === undefined && findings.length === 0, findings });
    }
    context.passing('');
    const base = done('', { backups: looked });
    const result: CommandResult =
      problems.length === 0
        ? base
        : { ...base, status: 'failed', exitCode: ExitCode.failed, problems: problems.map(toProblem) };
    const wrong = looked.filter(({ ok }) => !ok).length;
    const summary =
      wrong === 0 ? `${looked.length} read back, all whole.` : `${wrong} of ${looked.length} are not whole.`;
    return present({ workplace, startedAt }, result, summary);
  });
}

const bad = ({ uri }: S3Entry, findings: readonly Finding[]): PlatformError =>
  new PlatformError(
    'backup-bad',
    `${uri} is not whole: ${findingsText(findings)}.`,
    'Keep another one, and make a new backup: `npm run db:backup-s3`.',
    { object: uri },
  );

/** The newest in the bucket that came to its end, or the one whose id begins so. */
export async function chooseStored(store: S3Store, id: string | undefined, signal: AbortSignal): Promise<S3Entry> {
  const entries = (await store.list(signal)).filter(({ state }) => state !== 'incomplete');
  const found = id === undefined ? entries.slice(-1) : entries.filter((one) => id !== '' && one.id.startsWith(id));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  throw new PlatformError(
    'backup-unknown',
    id === undefined
      ? 'There is no backup in the bucket.'
      : `${id} names ${found.length === 0 ? 'no backup' : `${found.length} backups`} in the bucket.`,
    '`npm run coachdb -- backup list --s3` names them.',
    { kind: 'usage', object: id ?? '' },
  );
}

function placeOf({ stack }: BackupWorkplace): string {
  const { bucket, prefix } = stack.settings.backup.s3 ?? { bucket: '' };
  return `s3://${bucket}/${prefix ?? stack.name}`;
}

function present(
  { workplace, startedAt }: { workplace: BackupWorkplace; startedAt: Date },
  result: CommandResult,
  summary: string,
  table?: Table,
): CommandResult {
  const document: ReportDocument = {
    title: `Backups of stack ${workplace.stack.name} in S3`,
    status: result.status,
    stack: workplace.stack.name,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    summary,
    facts: [{ label: 'Where', value: placeOf(workplace) }],
    sections: table === undefined || table.rows.length === 0 ? [] : [{ heading: 'Backups', tables: [table] }],
    problems: result.problems,
  };
  return { ...result, text: (display) => renderText(document, display) };
}

const listTable = (entries: readonly S3Entry[]): Table => ({
  caption: 'Oldest first',
  columns: [
    { heading: 'Backup', kind: 'text' },
    { heading: 'State', kind: 'text' },
    { heading: 'For', kind: 'text' },
    { heading: 'Size', kind: 'bytes' },
    { heading: 'Kept', kind: 'text' },
  ],
  rows: entries.map(({ id, state, generation, bytes, pinned, lockedUntil }) => [
    id,
    state,
    generation,
    bytes,
    pinned ? 'pinned' : lockedUntil === undefined ? null : `locked until ${lockedUntil.toISOString().slice(0, 10)}`,
  ]),
});
