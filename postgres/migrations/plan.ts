import { PlatformError, type Problem } from '../../system/errors';
import { matchesChecksum } from './checksum';
import { deployCommand, resolveRemedy } from './remedies';
import { readScript, type Script } from './script';
import type { MigrationFile, MigrationFolder, MigrationHistory, MigrationPlan, MigrationRow, Powers } from './types';

/**
 * What has to run to bring a database from its history to the folder's state. Like `prisma migrate deploy` it applies every
 * migration without a valid record, also one older than the last applied (a warning), and is blocked by a failed one. Stricter
 * than it: an applied migration that was edited is a problem, and so is a folder that holds none of the applied ones.
 */
export function planMigrations(folder: MigrationFolder, history: MigrationHistory): MigrationPlan {
  const valid = history.rows.filter((row) => row.rolledBackAt === null);
  const failed = valid.filter((row) => row.finishedAt === null);
  const finished = valid.filter((row) => row.finishedAt !== null);
  const recorded = new Set(valid.map((row) => row.name));
  const pending = folder.migrations.filter((migration) => !recorded.has(migration.name));
  const read = pending.map(scriptOf);
  return {
    folder,
    schema: history.schema,
    steps: read.map((script) => script.step),
    applied: finished.map(({ name, checksum }) => ({ name, checksum })),
    problems: [
      ...failed.map(failedProblem),
      ...edited(folder, finished),
      ...strange(folder, finished),
      ...(pending.length > 0 ? notEmpty(history) : []),
      ...read.flatMap((script) => script.problems),
      ...(history.powers === undefined ? [] : deniedOf(read, history.powers)),
    ],
    warnings: [
      ...folder.warnings,
      ...read.flatMap((script) => script.warnings),
      ...missing(folder, finished),
      ...outOfOrder(
        folder,
        pending.map((migration) => migration.name),
        finished,
      ),
    ],
  };
}

function deniedOf(scripts: readonly Script[], powers: Powers): Problem[] {
  return scripts.flatMap((script) => script.denied(powers));
}

/** A file is planned twice, before the lock and under it, and read once. */
const scripts = new WeakMap<MigrationFile, Script>();

function scriptOf(file: MigrationFile): Script {
  const script = scripts.get(file) ?? readScript(file);
  scripts.set(file, script);
  return script;
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

function edited(folder: MigrationFolder, finished: MigrationRow[]): Problem[] {
  const files = new Map(folder.migrations.map((migration) => [migration.name, migration]));
  return finished.flatMap((row) => {
    const file = files.get(row.name);
    if (file === undefined || file.checksum === '' || matchesChecksum(file.sql, row.checksum)) return [];
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

/** Migrations that were squashed, or that a newer checkout applied: Prisma passes over them. */
function missing(folder: MigrationFolder, finished: MigrationRow[]): string[] {
  const readable = new Set(folder.migrations.filter(({ checksum }) => checksum !== '').map(({ name }) => name));
  const absent = finished.filter(({ name }) => !readable.has(name)).map(({ name }) => name);
  return absent.length === 0 ? [] : [`Applied, but not in ${folder.directory}: ${shown(absent)}.`];
}

/** A folder without any of the applied migrations is most likely another application's. */
function strange(folder: MigrationFolder, finished: MigrationRow[]): Problem[] {
  const present = new Set(folder.migrations.map(({ name }) => name));
  if (finished.length === 0 || finished.some(({ name }) => present.has(name))) return [];
  return [
    {
      code: 'migration-missing',
      message: `${folder.directory} holds none of the migrations that are applied to the database (${shown(finished.map(({ name }) => name))}).`,
      remedy:
        'Check `coach:app.directory`, or bring the folders back from version control. Where they were squashed into one, record it: ' +
        `${deployCommand('--applied', folder.migrations[0]?.name ?? 'NAME')}.`,
      object: folder.directory,
    },
  ];
}

function shown(names: string[]): string {
  return names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
}

/** Prisma's P3005. */
function notEmpty(history: MigrationHistory): Problem[] {
  if (history.exists || history.otherTables.length === 0) return [];
  return [
    {
      code: 'schema-not-empty',
      message: `Schema ${history.schema} holds tables (${shown(history.otherTables)}) but no record of migrations, so nothing says which were applied.`,
      remedy:
        'Where the tables are what a migration would make, say so with `npm run coachdb -- deploy --applied NAME`, oldest first; ' +
        'otherwise use an empty database.',
      object: history.schema,
    },
  ];
}

function outOfOrder(folder: MigrationFolder, pending: string[], finished: MigrationRow[]): string[] {
  const order = new Map(folder.migrations.map((migration, index) => [migration.name, index]));
  const position = (name: string): number => order.get(name) ?? -1;
  const last = Math.max(-1, ...finished.map(({ name }) => position(name)));
  return pending
    .filter((name) => position(name) < last)
    .map(
      (name) =>
        `Migration ${name} is older than ${folder.migrations[last]?.name ?? ''}, which is applied already; it runs now, as in Prisma.`,
    );
}
