import { isDeepStrictEqual } from 'node:util';

import { planDeclared } from '../../../postgres/migrations/declared';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { requireApplicable } from '../../../postgres/migrations/plan';
import { describe as describeStep } from '../../../postgres/migrations/print';
import type { MigrationFolder, MigrationHistory } from '../../../postgres/migrations/types';
import type { CheckFailure } from '../handler';
import type { Dependents, MigrationInputs } from '../migrations';
import { planIfReachable } from './connection';
import { judgeDependents, judgeUnstarted, ownerRefusal } from './dependents';
import { failureFrom, failureOf, without } from './failure';
import { absolute, beforeAll, hasPending, readAs } from './migrationPlan';
import { rememberPending } from './pending';

export interface Judgement {
  /** What the run would be refused for, now or once the migrations are applied. */
  failures: CheckFailure[];
  /** One line for each migration that will be applied. */
  plan: string[];
}

/** `known`: what has just been read of the database. What cannot be asked yet is asked by `create` and `update`. */
export async function judge(
  olds: Partial<MigrationInputs> | undefined,
  news: MigrationInputs,
  known: MigrationHistory | undefined,
): Promise<Judgement> {
  let folder: MigrationFolder | undefined;
  const unreadable = await failureOf('migrations', () => (folder = readMigrationFolder(absolute(news.directory))));
  if (folder === undefined) return { failures: unreadable, plan: [] };
  const changed = changedSinceDeclared(news, folder);
  if (changed.length > 0) return { failures: changed, plan: [] };
  const ofOwner = await judgeOwner(olds, news);
  if (ofOwner.length > 0) return { failures: ofOwner, plan: [] };

  // What was read for the migrations of the state says nothing of what new ones may do.
  const found =
    known === undefined || (known.powers === undefined && hasPending(news, known))
      ? await planIfReachable(news.connection, (client) => readAs(client, news))
      : { plan: known };
  const isReached = 'plan' in found;
  const plan = planDeclared(news, folder, isReached ? found.plan : beforeAll(news));
  const pending = new Set(plan.steps.map(({ name }) => name));
  rememberPending(
    news.connection,
    folder.migrations.filter(({ name }) => pending.has(name)),
  );
  const failures = isReached ? await failureOf('', () => requireApplicable(plan)) : [];
  failures.push(...(await judgeDeclared(olds?.__dependents, news.__dependents)));
  if (!isReached && olds !== undefined) return { failures, plan: [] };
  const lines = plan.steps.map((step) => `${step.name} (${describeStep(step)})`);
  const refused = plan.problems.map(({ message }) => `to be refused: ${message.split('\n')[0]}`);
  return { failures, plan: isReached ? lines : [...lines, ...refused] };
}

async function judgeOwner(olds: Partial<MigrationInputs> | undefined, news: MigrationInputs): Promise<CheckFailure[]> {
  const { __dependents: dependents, connection, role } = news;
  const before = olds?.connection?.database === connection.database ? olds.role : undefined;
  if (dependents === undefined || before === undefined || before === role) return [];
  const found = await planIfReachable(dependents.connection, (client) => ownerRefusal(client, before, dependents));
  return 'plan' in found && found.plan !== undefined ? [failureFrom(found.plan)] : [];
}

/** What was declared before stands, or its own resource says why not; asking for all of it would cost every run. */
async function judgeDeclared(olds: Dependents | undefined, news: Dependents | undefined): Promise<CheckFailure[]> {
  if (news === undefined || (olds !== undefined && isDeepStrictEqual(inDatabase(olds), inDatabase(news)))) return [];
  const found = await planIfReachable(news.connection, (client) => judgeDependents(client, news, olds));
  const refusals = 'plan' in found ? found.plan : judgeUnstarted(news);
  return refusals.map((refusal) => failureFrom(refusal));
}

const inDatabase = (dependents: Dependents): object => without(dependents, 'connection');

/** The program read the folder a moment ago: a difference means that it changed under way. */
function changedSinceDeclared({ migrations }: MigrationInputs, folder: MigrationFolder): CheckFailure[] {
  const declared = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const present = new Set(folder.migrations.map(({ name }) => name));
  const changed = folder.migrations.filter(({ name, checksum }) => declared.get(name) !== checksum);
  const missing = migrations.filter(({ name }) => !present.has(name));
  const names = [...changed, ...missing].map(({ name }) => name);
  if (names.length === 0) return [];
  const reason = `${folder.directory} changed while the program ran (${names.join(', ')}). Run the command again.`;
  return [{ property: 'migrations', reason }];
}
