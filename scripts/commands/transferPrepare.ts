import { join, relative } from 'node:path';

import { applicationDirectory } from '../../infra/config/databaseSpec';
import { type Application, readApplication } from '../../postgres/transfer/prepare/application';
import { PREPARE_COMMAND } from '../../postgres/transfer/prepare/evidence';
import { versioned } from '../../postgres/transfer/prepare/git';
import { planPreparation, type PreparationPlan } from '../../postgres/transfer/prepare/plan';
import { planLines } from '../../postgres/transfer/prepare/print';
import { applyPreparation, settleStage, type StageFolder, stageFolders } from '../../postgres/transfer/prepare/stage';
import { PlatformError, type Problem } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { ExitCode } from '../exitCodes';
import { wrapLines } from '../report/display';
import { openStack } from '../stack';

export interface PrepareOptions {
  /** Print the plan alone. */
  dryRun: boolean;
  /** Go on where git cannot bring the old files back. */
  unversioned: boolean;
  detailedExitcode: boolean;
}

/** `transfer --prepare`: the application's folder becomes PostgreSQL's. Needs no database, no stack that is up and no network. */
export async function prepare(context: CommandContext, options: PrepareOptions): Promise<CommandResult> {
  const directory = applicationDirectory(openStack(context).settings, context.root);
  let application = await readApplication(directory);
  const settled = settle(application, options.dryRun);
  settled.forEach((line) => context.progress(line));
  if (settled.length > 0 && !options.dryRun) application = await readApplication(directory);

  const plan = await planPreparation(application, new Date());
  const fields = fieldsOf(plan, settled);
  if (plan.problems.length > 0) return refused(plan.problems, plan, fields);
  if (plan.found.length === 0) {
    const nothing = `${directory}: the schema and the migrations are PostgreSQL’s already; there is nothing to prepare.`;
    return done(
      [...notesOf(plan), nothing].join('\n'),
      fields,
      settled.length > 0 && !options.dryRun ? 'changed' : 'ok',
    );
  }
  const unsaved = versionProblem(application, context, options.unversioned);
  if (unsaved !== undefined) return refused([unsaved], plan, fields);
  if (options.dryRun) {
    const exitCode = options.detailedExitcode ? ExitCode.differences : ExitCode.done;
    return { status: 'differs', exitCode, problems: [], fields, text: planLines(plan).join('\n') };
  }
  if (!context.yes) context.progress(wrapLines(planLines(plan).join('\n'), context.display));
  if (!(await confirm(context, `Prepare ${directory} for PostgreSQL?`))) throw declined();
  await refuseChanged(application);
  applyPreparation(plan, application.migrations.directory);
  const text = [...(context.yes ? [...planLines(plan), ''] : []), ...nextSteps(plan)];
  return done(text.join('\n'), fieldsOf(archived(plan), settled), 'changed');
}

/** With the old migrations where they are from now on. */
function archived(plan: PreparationPlan): PreparationPlan {
  const { archive, handWritten } = plan;
  if (archive === undefined) return plan;
  const moved = (path: string): string => join(archive.to, relative(archive.from, path));
  return { ...plan, handWritten: handWritten.map((one) => ({ ...one, path: moved(one.path) })) };
}

/** What killed runs left; with `dryRun` it is only said. */
function settle({ migrations }: Application, dryRun: boolean): string[] {
  const folders = stageFolders(migrations.directory);
  const running = folders.find(({ isRunning }) => isRunning);
  if (running !== undefined) throw underWay(running);
  return folders.map((folder) => {
    if (dryRun) return `${folder.path} is left of a run that was killed; the next run without --dry-run settles it.`;
    const outcome = settleStage(folder);
    return outcome === 'finished'
      ? `A run that was killed had begun to move the files; what it had planned is finished now (${folder.path}).`
      : `Removed ${folder.path}, which a run left that was killed before it changed anything.`;
  });
}

function underWay({ path }: StageFolder): PlatformError {
  return new PlatformError(
    'prepare-running',
    `Another run is preparing this application: ${path} is its.`,
    `Wait until it has ended, then run ${PREPARE_COMMAND} again.`,
    { kind: 'locked', object: path },
  );
}

function versionProblem(
  application: Application,
  { environment }: CommandContext,
  isAllowed: boolean,
): Problem | undefined {
  const { directory, migrations, files } = application;
  const found = versioned(directory, [migrations.directory, ...files.map(({ path }) => path)], environment);
  if (found.state === 'clean' || (found.state === 'unknown' && isAllowed)) return undefined;
  if (found.state === 'unknown')
    return {
      code: 'prepare-unversioned',
      message: `Nothing could bring the old files back: ${found.reason}.`,
      remedy: 'Commit the folder to git first, or make a copy of it and add --unversioned.',
      object: directory,
    };
  const shown = found.paths.slice(0, 10).join(', ');
  const more = found.paths.length > 10 ? ` and ${found.paths.length - 10} more` : '';
  return {
    code: 'prepare-uncommitted',
    message: `${directory} has changes that are not committed: ${shown}${more}.`,
    remedy: `Commit them (\`git add -A && git commit\`) or put them aside (\`git stash -u\`), then run ${PREPARE_COMMAND} again.`,
    object: directory,
  };
}

/** The plan was made before somebody was asked, who may have taken hours. */
async function refuseChanged(planned: Application): Promise<void> {
  const now = await readApplication(planned.directory);
  if (JSON.stringify(now) === JSON.stringify(planned)) return;
  throw new PlatformError(
    'prepare-changed',
    `${planned.directory}: the schema or the migrations were changed since the plan was made; nothing was done.`,
    `Run ${PREPARE_COMMAND} again and look at the new plan.`,
    { kind: 'locked', object: planned.directory },
  );
}

function refused(problems: Problem[], plan: PreparationPlan, fields: Record<string, unknown>): CommandResult {
  const text = plan.found.length === 0 ? '' : planLines(plan).join('\n');
  return { status: 'refused', exitCode: ExitCode.refused, problems, fields, text };
}

function nextSteps({ application, archive, baseline, handWritten }: PreparationPlan): string[] {
  const old = archive === undefined ? [] : [`The old migrations lie in ${relative(application, archive.to)}.`];
  const byHand =
    handWritten.length === 0
      ? []
      : [`${handWritten.length} statement(s) of them were written by hand and are not in the baseline: see above.`];
  return [
    baseline === undefined
      ? 'Prepared.'
      : `Prepared: ${baseline.name} is the application’s first PostgreSQL migration.`,
    ...old,
    ...byHand,
    'Next: look at it and commit it (`git add -A && git commit`), give the application its PostgreSQL adapter and address (docs/connect.md),',
    'then `npm run db:generate`, `npm run db:deploy` and the transfer itself.',
  ];
}

const notesOf = ({ notes }: PreparationPlan): string[] => notes.map((note) => `Note: ${note}`);

function fieldsOf(plan: PreparationPlan, settled: string[]): Record<string, unknown> {
  const { application, found, archive, schema, baseline, handWritten, notes } = plan;
  return {
    application,
    found,
    archive: archive ?? null,
    schema: schema === undefined ? null : { path: schema.path, lines: schema.lines },
    baseline: baseline ?? null,
    handWritten,
    notes,
    settled,
  };
}
