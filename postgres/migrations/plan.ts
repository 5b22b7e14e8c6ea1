import { PlatformError, type Problem } from '../errors';
import { matchesChecksum } from './checksum';
import { readScript } from './script';
import type { MigrationFolder, MigrationHistory, MigrationPlan, MigrationRow } from './types';

/**
 * What has to run to bring a database from its history to the folder's state. Like `prisma migrate deploy` it applies every
 * migration without a valid record, also one older than the last applied (a warning), and is blocked by a failed one. Stricter
 * than it: an applied migration that was edited, or is missing in the folder, is a problem.
 */
export function planMigrations(folder: MigrationFolder, history: MigrationHistory): MigrationPlan {
  const valid = history.rows.filter((row) => row.rolledBackAt === null);
  const failed = valid.filter((row) => row.finishedAt === null);
  const finished = valid.filter((row) => row.finishedAt !== null);
  const recorded = new Set(valid.map((row) => row.name));
  const pending = folder.migrations.filter((migration) => !recorded.has(migration.name));
  const scripts = pending.map(readScript);
  return {
    folder,
    schema: history.schema,
    steps: scripts.map((script) => script.step),
    applied: finished.map(({ name, checksum }) => ({ name, checksum })),
    problems: [
      ...failed.map(failedProblem),
      ...edited(folder, finished),
      ...missing(folder, finished),
      ...(pending.length > 0 ? notEmpty(history) : []),
      ...scripts.flatMap((script) => script.problems),
    ],
    warnings: [
      ...folder.warnings,
      ...outOfOrder(
        folder,
        pending.map((migration) => migration.name),
        finished,
      ),
    ],
  };
}

/** Throws the plan's problems as one error; the first one's code is the error's. */
export function requireApplicable(plan: MigrationPlan): void {
  const [first, ...others] = plan.problems;
  if (first === undefined) return;
  const all = [first, ...others];
  const object = first.object ?? plan.folder.directory;
  throw new PlatformError(
    first.code,
    all.map((problem) => problem.message).join('\n'),
    [...new Set(all.map((problem) => problem.remedy))].join('\n'),
    { kind: 'refused', object },
  );
}

/** Prisma's P3009. */
function failedProblem(row: MigrationRow): Problem {
  const logs = row.logs?.trim() ?? '';
  const reason = logs === '' ? ' (it was interrupted)' : `:\n${logs}`;
  return {
    code: 'migration-failed-before',
    message: `Migration ${row.name}, started at ${row.startedAt.toISOString()}, failed and blocks all others${reason}`,
    remedy: resolveRemedy(row.name),
    object: row.name,
  };
}

/** The two ways out of a failed migration, as Prisma's `migrate resolve` has them. */
export function resolveRemedy(name: string): string {
  return (
    `Look at what it left in the database. Undo that and run \`npm run coachdb -- deploy --rolled-back ${name}\` to have it applied ` +
    `again, or complete it by hand and run \`npm run coachdb -- deploy --applied ${name}\`.`
  );
}

function edited(folder: MigrationFolder, finished: MigrationRow[]): Problem[] {
  return finished.flatMap((row) => {
    const file = folder.migrations.find((migration) => migration.name === row.name);
    if (file === undefined || matchesChecksum(file.sql, row.checksum)) return [];
    return [editedProblem(file.name, file.path, row.checksum, file.checksum)];
  });
}

function editedProblem(name: string, path: string, recorded: string, found: string): Problem {
  return {
    code: 'migration-edited',
    message:
      `Migration ${name} was edited after it was applied: the database recorded checksum ${recorded.slice(0, 12)}…, ` +
      `${path} has ${found.slice(0, 12)}….`,
    remedy: `Bring the file back as it was applied (\`git log -p -- ${path}\`) and put the change into a new migration.`,
    object: path,
  };
}

function missing(folder: MigrationFolder, finished: MigrationRow[]): Problem[] {
  const present = new Set(folder.migrations.map((migration) => migration.name));
  return finished.filter((row) => !present.has(row.name)).map((row) => missingProblem(row.name, folder.directory));
}

function missingProblem(name: string, directory: string): Problem {
  return {
    code: 'migration-missing',
    message: `Migration ${name} was applied to the database, but ${directory} does not hold it.`,
    remedy:
      'Bring the folder back from version control, or check `coach:app.directory`. After migrations were squashed on purpose, ' +
      'remove the old rows from _prisma_migrations.',
    object: name,
  };
}

/** Prisma's P3005. */
function notEmpty(history: MigrationHistory): Problem[] {
  if (history.exists || history.otherTables.length === 0) return [];
  const shown = history.otherTables.slice(0, 5).join(', ');
  const more = history.otherTables.length > 5 ? ` and ${history.otherTables.length - 5} more` : '';
  return [
    {
      code: 'schema-not-empty',
      message: `Schema ${history.schema} holds tables (${shown}${more}) but no record of migrations, so nothing says which were applied.`,
      remedy:
        'Where the tables are what a migration would make, say so with `npm run coachdb -- deploy --applied NAME`, oldest first; ' +
        'otherwise use an empty database.',
      object: history.schema,
    },
  ];
}

function outOfOrder(folder: MigrationFolder, pending: string[], finished: MigrationRow[]): string[] {
  const order = folder.migrations.map((migration) => migration.name);
  const last = Math.max(-1, ...finished.map((row) => order.indexOf(row.name)));
  return pending
    .filter((name) => order.indexOf(name) < last)
    .map(
      (name) =>
        `Migration ${name} is older than ${order[last] ?? ''}, which is applied already; it runs now, as in Prisma.`,
    );
}
