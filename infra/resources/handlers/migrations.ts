import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import type { Client } from 'pg';

import { withClient, withTransaction } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import { withoutWaiting } from '../../../postgres/connection/waiting';
import { errorText, PlatformError } from '../../../postgres/errors';
import { applyMigrations } from '../../../postgres/migrations/apply';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { readHistory, readPowers } from '../../../postgres/migrations/history';
import { planMigrations, requireApplicable } from '../../../postgres/migrations/plan';
import { describe as describeStep } from '../../../postgres/migrations/print';
import { assumeRole } from '../../../postgres/migrations/session';
import type { MigrationFolder, MigrationHistory, MigrationPlan, Powers } from '../../../postgres/migrations/types';
import { speak } from '../../../postgres/spoken';
import type { CheckFailure, Handler } from '../handler';
import type { Dependents, MigrationEntry, MigrationInputs, MigrationOutputs } from '../migrationTypes';
import { Answers } from './answers';
import { plainConnection, planIfReachable, targetOf } from './connection';
import { judgeDependents, judgeUnstarted, ownerRefusal, together } from './dependents';
import { failureOf, withRemedy } from './failure';
import { rememberPending } from './pending';
import { projectRoot } from './root';

/**
 * Applies a folder of migrations. What is applied is read from the database; what is pending, with its number of statements and whether it is all
 * or nothing, stands in the computed `plan`. Deleting the resource changes no data.
 */
const handler: Handler<MigrationInputs, MigrationOutputs> = {
  async check(olds, news) {
    const failures = compareWithDisk(news);
    if (failures.length > 0) return { inputs: news, failures };
    const { refusals, plan } = await judge(olds, news);
    return { inputs: plan.length === 0 ? news : { ...news, plan }, failures: refusals };
  },

  diff(_id, olds, news) {
    requirePlan(olds, news);
    const { applied, pending, ...before } = olds;
    const unapplied = pendingOf(news.migrations, applied);
    const changes =
      !isDeepStrictEqual(inputsOf(before), inputsOf(news)) ||
      !isDeepStrictEqual(pending, unapplied) ||
      (unapplied.length > 0 && mayApply(news, applied));
    return Promise.resolve({ changes });
  },

  async create(inputs) {
    const { database } = inputs.connection;
    return { id: `${database}/${inputs.schema}`, outs: await bringUpToDate(inputs) };
  },

  async read(id, props) {
    const applied = await readApplied(props);
    const inputs = keptOf(props);
    return { id, inputs, props: { ...inputs, applied, pending: pendingOf(props.migrations, applied) } };
  },

  async update(_id, olds, news) {
    return { outs: await bringUpToDate(news, olds.__dependents) };
  },

  delete() {
    return Promise.resolve();
  },
};

export const migrations = withRemedy(handler);

/** What the run would be refused for, now or once the migrations are applied, and one line for each that will be. What cannot be asked yet is asked then. */
async function judge(
  olds: Partial<MigrationInputs> | undefined,
  news: MigrationInputs,
): Promise<{ refusals: CheckFailure[]; plan: string[] }> {
  const folder = readMigrationFolder(absolute(news.directory));
  const known = ofRead.take(placeOf(news));
  // What was read for the migrations of the state says nothing of what new ones may do.
  const found =
    known === undefined || (known.powers === undefined && hasPending(news, known))
      ? await planIfReachable(news.connection, (client) => readAs(client, news))
      : { plan: known };
  const plan = planOf(news, folder, 'plan' in found ? found.plan : beforeAll(news));
  const refusals = 'plan' in found ? await failureOf('', () => requireApplicable(plan)) : [];
  const pending = new Set(plan.steps.map(({ name }) => name));
  rememberPending(
    news.connection,
    folder.migrations.filter(({ name }) => pending.has(name)),
  );
  const { __dependents: dependents } = news;
  const owner = olds?.connection?.database === news.connection.database ? (olds.role ?? news.role) : news.role;
  if (dependents !== undefined && owner !== news.role) {
    const judged = await planIfReachable(dependents.connection, (client) => ownerRefusal(client, owner, dependents));
    const refusal = 'plan' in judged ? judged.plan : undefined;
    if (refusal !== undefined) return { refusals: [{ property: '', reason: errorText(refusal) }], plan: [] };
  }
  const before = olds?.__dependents;
  // What was declared before stands, or its own resource says why not; asking for all of it would cost every run.
  if (dependents !== undefined && !isDeepStrictEqual(withoutConnection(before), withoutConnection(dependents))) {
    const judged = await planIfReachable(dependents.connection, (client) =>
      judgeDependents(client, dependents, before),
    );
    const refused = 'plan' in judged ? judged.plan : judgeUnstarted(dependents);
    refusals.push(...refused.map((one) => ({ property: '', reason: errorText(one) })));
  }
  const isKnown = 'plan' in found || olds === undefined;
  const lines = plan.steps.map((step) => `${step.name} (${describeStep(step)})`);
  if (!('plan' in found)) lines.push(...plan.problems.map(({ message }) => `to be refused: ${message.split('\n')[0]}`));
  return { refusals, plan: isKnown ? lines : [] };
}

/** `check` follows `read`. */
const ofRead = new Answers<unknown, MigrationHistory>();
const placeOf = ({ connection, role, schema }: MigrationInputs): unknown => [plainConnection(connection), role, schema];

function withoutConnection(dependents: Dependents | undefined): unknown {
  return { ...dependents, connection: null };
}

function planOf(inputs: MigrationInputs, folder: MigrationFolder, history: MigrationHistory): MigrationPlan {
  const plan = planMigrations(folder, history);
  // What is wrong with a pending one matters when it is applied; that an applied one was edited matters now.
  return mayApply(inputs, plan.applied) ? plan : planMigrations(onlyApplied(folder, history), history);
}

/** Now that the tables are what they will be, everything that needs them is judged before the first of it is made. */
async function requireDependents(
  { connection, __dependents: dependents }: MigrationInputs,
  former: Dependents | undefined,
): Promise<void> {
  rememberPending(connection, []);
  if (dependents === undefined) return;
  const refusals = await withSharedClient(targetOf(dependents.connection), (client) =>
    judgeDependents(client, dependents, former),
  );
  const refusal = together(refusals);
  if (refusal !== undefined) throw refusal;
}

async function bringUpToDate(inputs: MigrationInputs, former?: Dependents): Promise<MigrationOutputs> {
  const folder = readMigrationFolder(absolute(inputs.directory));
  const bringUp = async (client: Client): Promise<MigrationEntry[]> => {
    const history = await readAs(client, inputs);
    const plan = planMigrations(folder, history);
    if (!mayApply(inputs, plan.applied)) {
      // What is wrong with a pending one matters when it is applied; that an applied one was edited matters now.
      requireApplicable(planMigrations(onlyApplied(folder, history), history));
      return plan.applied;
    }
    const { history: done, warnings } = await applyMigrations(client, plan, inputs);
    for (const warning of warnings) speak('warning', warning);
    return done;
  };
  const applied = await withClient(targetOf(inputs.connection), bringUp, { session: 'script' });
  await requireDependents(inputs, former);
  return { ...keptOf(inputs), applied, pending: pendingOf(inputs.migrations, applied) };
}

/** `initial` applies to a database that has none yet. */
function mayApply(inputs: MigrationInputs, applied: MigrationEntry[]): boolean {
  return inputs.apply === 'always' || applied.length === 0;
}

function onlyApplied(folder: MigrationFolder, history: MigrationHistory): MigrationFolder {
  const names = new Set(history.rows.map((row) => row.name));
  return { ...folder, migrations: folder.migrations.filter((migration) => names.has(migration.name)) };
}

/** Roles, passwords and grants changed by hand: the same `up` repairs them, so a refresh must not fail for them. */
const REPAIRED_BY_UP = new Set([
  'password-refused',
  'login-refused',
  'connect-denied',
  'role-missing',
  'role-denied',
  'history-denied',
]);

/**
 * A database that is gone has nothing applied. Where the role may not look, the last known state stands; where the server cannot be reached
 * it is an error, since nothing is known of it.
 */
async function readApplied(props: MigrationOutputs): Promise<MigrationEntry[]> {
  try {
    const history = await withClient(targetOf(props.connection), (client) =>
      withoutWaiting(client, () => readAs(client, props)),
    );
    ofRead.remember(placeOf(props), history);
    return finishedOf(history);
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'database-missing') return [];
    if (error instanceof PlatformError && REPAIRED_BY_UP.has(error.code)) return props.applied;
    throw error;
  }
}

function finishedOf({ rows }: MigrationHistory): MigrationEntry[] {
  return rows
    .filter((row) => row.finishedAt !== null && row.rolledBackAt === null)
    .map(({ name, checksum }) => ({ name, checksum }));
}

function readAs(client: Client, inputs: MigrationInputs): Promise<MigrationHistory> {
  return withTransaction(client, async () => {
    await assumeRole(client, inputs.schema, inputs, true);
    const history = await readHistory(client, inputs.schema);
    if (!hasPending(inputs, history)) return history;
    return { ...history, powers: withDeclared(await readPowers(client), inputs.__dependents?.extensions ?? []) };
  });
}

function hasPending({ migrations: declared }: MigrationInputs, { rows }: MigrationHistory): boolean {
  const names = new Set(rows.filter(({ rolledBackAt }) => rolledBackAt === null).map(({ name }) => name));
  return declared.some(({ name }) => !names.has(name));
}

/** Where nothing can be asked yet: a new database, and an owner role as it is declared. Which extensions are trusted only the server knows. */
function beforeAll({ schema, __dependents: dependents }: MigrationInputs): MigrationHistory {
  const nothing: Powers = {
    superuser: false,
    createRole: false,
    createDatabase: false,
    ownsDatabase: false,
    memberOf: [],
    untrusted: [],
    ownExtensions: [],
    foreignExtensions: [],
  };
  return { ...historyOf(schema, []), powers: withDeclared(nothing, dependents?.extensions ?? []) };
}

/** Extensions that the same run installs first are the administrator's by the time the migrations run. */
function withDeclared(powers: Powers, extensions: Dependents['extensions']): Powers {
  const declared = extensions.map(({ name }) => name).filter((name) => !powers.ownExtensions.includes(name));
  return {
    ...powers,
    untrusted: powers.untrusted.filter((name) => !declared.includes(name)),
    foreignExtensions: [...powers.foreignExtensions, ...declared],
  };
}

function pendingOf(declared: MigrationEntry[], applied: MigrationEntry[]): string[] {
  const names = new Set(applied.map((entry) => entry.name));
  return declared.filter((entry) => !names.has(entry.name)).map((entry) => entry.name);
}

/** The program read the folder a moment ago: a difference means that it changed under way. */
function compareWithDisk(inputs: MigrationInputs): CheckFailure[] {
  const fail = (reason: string): CheckFailure => ({ property: 'migrations', reason });
  let folder: MigrationFolder;
  try {
    folder = readMigrationFolder(absolute(inputs.directory));
  } catch (error) {
    if (error instanceof PlatformError) return [fail(`${error.message}\n${error.remedy}`)];
    throw error;
  }
  const declared = new Map(inputs.migrations.map((entry) => [entry.name, entry.checksum]));
  const present = new Set(folder.migrations.map((migration) => migration.name));
  return [
    ...folder.migrations
      .filter((migration) => declared.get(migration.name) !== migration.checksum)
      .map(({ name, path }) =>
        fail(
          `${path} ${declared.has(name) ? 'was edited' : 'was added'} while the program ran. Run the command again.`,
        ),
      ),
    ...[...declared.keys()]
      .filter((name) => !present.has(name))
      .map((name) =>
        fail(`Migration ${name} is declared, but ${folder.directory} does not hold it. Run the command again.`),
      ),
  ];
}

/** Says in the preview already what `update` would refuse: an edited or missing applied migration, a pending one that cannot run. */
function requirePlan(olds: MigrationOutputs, news: MigrationInputs): void {
  const sameDatabase = olds.connection.database === news.connection.database;
  const applied = sameDatabase ? olds.applied : [];
  const history = historyOf(news.schema, applied);
  const folder = readMigrationFolder(absolute(news.directory));
  requireApplicable(planMigrations(mayApply(news, applied) ? folder : onlyApplied(folder, history), history));
}

/** A history that holds just these, all of them finished. */
function historyOf(schema: string, applied: MigrationEntry[]): MigrationHistory {
  const moment = new Date(0);
  const rows = applied.map((entry) => ({
    ...entry,
    id: entry.name,
    startedAt: moment,
    finishedAt: moment,
    rolledBackAt: null,
    logs: null,
    appliedStepsCount: 1,
  }));
  return { schema, exists: true, rows, otherTables: [] };
}

/** The inputs alone: the engine may hand over computed properties with them. */
function inputsOf(from: MigrationInputs): MigrationInputs {
  const { directory, apply, role, schema, lockTimeoutMs, statementTimeoutMs } = from;
  return {
    directory,
    migrations: from.migrations.map(({ name, checksum }) => ({ name, checksum })),
    apply,
    role,
    schema,
    lockTimeoutMs,
    statementTimeoutMs,
    connection: plainConnection(from.connection),
  };
}

/** With what the next run compares its dependents with. */
function keptOf(from: MigrationInputs): MigrationInputs {
  return { ...inputsOf(from), ...(from.__dependents === undefined ? {} : { __dependents: from.__dependents }) };
}

const absolute = (directory: string): string => resolve(projectRoot(), directory);
