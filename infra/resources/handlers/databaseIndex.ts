import { isDeepStrictEqual } from 'node:util';

import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import { errorText, PlatformError } from '../../../postgres/errors';
import type { IndexWorkOptions } from '../../../postgres/indexes/apply';
import { readIndexes } from '../../../postgres/indexes/catalog';
import { definitionKey } from '../../../postgres/indexes/compare';
import type { IndexDescription } from '../../../postgres/indexes/description';
import { dropIndex, ensureIndex, planIndexes, problemsError } from '../../../postgres/indexes/ensure';
import { retiredName, temporaryName } from '../../../postgres/indexes/names';
import type { IndexPlan, PreviousIndex } from '../../../postgres/indexes/plan';
import { planLine, progressLine } from '../../../postgres/indexes/print';
import type { IndexProgress } from '../../../postgres/indexes/progress';
import { actualSpec } from '../../../postgres/indexes/refresh';
import { checkIndexSpec } from '../../../postgres/indexes/validate';
import type { IndexSpec } from '../../../postgres/spec';
import { speak } from '../../../postgres/spoken';
import type { DatabaseIndexInputs, DatabaseIndexOutputs } from '../databaseIndexTypes';
import type { CheckFailure, Handler } from '../handler';
import { Answers } from './answers';
import { connectionFailures, notYet, plainConnection, planIfReachable, targetOf } from './connection';
import { withRemedy } from './failure';
import { tableIsFinal } from './pending';

/**
 * An index. Never replaced by the engine: an update builds the new one beside the old one and swaps the names, and where table, schema
 * or name changed it moves. What PostgreSQL does not take is a failure of `check`; where a migration of the same run may still change the
 * table, or nothing answers yet, the computed `plan` says that it is not yet checked and why.
 */
const handler: Handler<DatabaseIndexInputs, DatabaseIndexOutputs> = {
  async check(olds, news) {
    const failures = checkInputs(news);
    if (failures.length > 0) return { inputs: news, failures };
    const inputs = inputsOf(news);
    const known = ofRead.take(inputs);
    const found = known === undefined ? await planOf(inputs, previousOf(olds, inputs)) : { plan: known };
    const plan = planIn(found);
    ofCheck.remember(inputs, plan);
    if (plan === undefined)
      return { inputs: 'reason' in found ? { ...inputs, plan: notYet(found.reason) } : inputs, failures };
    if (plan.problems.length === 0) return { inputs: { ...inputs, plan: planLine(plan) }, failures };
    const table = tableIsFinal(inputs.connection, inputs.table);
    if (table !== undefined && table.awaits === undefined) {
      return { inputs, failures: [{ property: '', reason: errorText(problemsError(plan.problems)) }] };
    }
    const reason = table === undefined ? planLine(plan) : notYet(`migration ${table.awaits ?? ''} comes first`);
    return { inputs: { ...inputs, plan: reason }, failures };
  },

  async diff(_id, olds, news) {
    if (
      !isDeepStrictEqual(plainConnection(olds.connection), plainConnection(news.connection)) ||
      olds.role !== news.role
    )
      return { changes: true };
    const inputs = inputsOf(news);
    const plan = ofCheck.has(inputs) ? ofCheck.take(inputs) : planIn(await planOf(news, previousOf(olds, news)));
    if (plan === undefined) return { changes: !isDeepStrictEqual(specOf(olds), specOf(news)) };
    return { changes: plan.action !== 'none' };
  },

  async create(inputs) {
    const id = `${inputs.connection.database}/${inputs.schema}.${inputs.name}`;
    return { id, outs: await bringUp(inputs) };
  },

  async read(id, props) {
    const found = await readActual(props);
    if (found === undefined) return { id: '' };
    const { actual, plan } = found;
    const compared = comparedKey(actual, plan);
    // `check` comes next: for what is declared as it was, the plan is this one.
    ofRead.remember(inputsOf(props), plan);
    const spec = actualSpec(specOf(props), actual, plan.differences);
    const inputs = { ...spec, role: props.role, connection: plainConnection(props.connection) };
    return {
      id,
      inputs,
      props: { ...inputs, definition: actual.definition, valid: actual.status.valid, ...compared },
    };
  },

  async update(_id, olds, news) {
    return { outs: await bringUp(news, previousOf(olds, news)) };
  },

  async delete(_id, props) {
    const { schema, table, name } = props;
    try {
      await withClient(targetOf(props.connection), (client) => dropIndex(client, { schema, table, name }, work(props)));
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === 'database-missing')) throw error;
    }
  },
};

export const databaseIndex = withRemedy(handler);

async function bringUp(inputs: DatabaseIndexInputs, previous?: PreviousIndex): Promise<DatabaseIndexOutputs> {
  const options = { ...work(inputs), ...(previous === undefined ? {} : { previous }) };
  const { index, settled } = await withClient(targetOf(inputs.connection), (client) =>
    ensureIndex(client, specOf(inputs), options),
  );
  const compared = comparedKey(index, settled);
  return { ...inputsOf(inputs), definition: index.definition, valid: index.status.valid, ...compared };
}

/** The plan for an index that is as declared. */
function unchanged({ schema, name, table }: DatabaseIndexInputs): IndexPlan {
  return { schema, name, table, action: 'none', differences: [], steps: [], problems: [], duplicates: [], notes: [] };
}

/** What is kept of a comparison that found nothing at all to say. */
function comparedKey(actual: IndexDescription, plan: IndexPlan): { compared?: string } {
  const plain = plan.action === 'none' && plan.duplicates.length === 0 && plan.notes.length === 0;
  return plain && actual.status.valid ? { compared: definitionKey(actual) } : {};
}

/** Where the index was by the state; in another database it is another index. */
function previousOf(
  olds: Partial<DatabaseIndexInputs> | undefined,
  news: DatabaseIndexInputs,
): PreviousIndex | undefined {
  if (olds?.connection?.database !== news.connection.database) return undefined;
  const { schema, table, name } = olds;
  return schema === undefined || table === undefined || name === undefined ? undefined : { schema, table, name };
}

async function readActual(
  props: DatabaseIndexOutputs,
): Promise<{ actual: IndexDescription; plan: IndexPlan } | undefined> {
  try {
    return await withSharedClient(targetOf(props.connection), async (client) => {
      const { schema, name } = props;
      const names = [name, temporaryName({ schema, name }), retiredName({ schema, name })];
      const found = await readIndexes(client, { names: names.map((one) => ({ schema, name: one })) });
      const actual = found.find((index) => index.name === name);
      // An index of that name on another table is somebody else’s.
      if (actual === undefined || actual.table !== props.table) return undefined;
      // Still what the declaration was compared with: a comparison builds the declared one on an empty copy of the table.
      if (found.length === 1 && actual.status.valid && definitionKey(actual) === props.compared)
        return { actual, plan: unchanged(props) };
      const [planned] = await planIndexes(client, [specOf(props)], { role: props.role });
      return planned && { actual, plan: planned.plan };
    });
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'database-missing') return undefined;
    throw error;
  }
}

type Found = { plan: IndexPlan | undefined } | { reason: string };

const planIn = (found: Found): IndexPlan | undefined => ('plan' in found ? found.plan : undefined);

function planOf(inputs: DatabaseIndexInputs, former: PreviousIndex | undefined): Promise<Found> {
  const spec = specOf(inputs);
  const previous = new Map(former === undefined ? [] : [[spec, former]]);
  return planIfReachable(inputs.connection, async (client) => {
    const [planned] = await planIndexes(client, [spec], { role: inputs.role, previous });
    return planned?.plan;
  });
}

const ofRead = new Answers<DatabaseIndexInputs, IndexPlan>();
const ofCheck = new Answers<DatabaseIndexInputs, IndexPlan | undefined>();

function checkInputs(news: DatabaseIndexInputs): CheckFailure[] {
  // What the engine adds to every resource of ours, and outputs that are not known yet.
  const others = ['role', 'connection', 'plan', 'definition', 'valid', 'compared', '__provider'];
  const failures = checkIndexSpec(news, others);
  if (typeof news.role !== 'string' || news.role === '') {
    failures.push({ property: 'role', reason: 'Expected the name of the role that owns the table.' });
  }
  return [...failures, ...connectionFailures(news.connection)];
}

function work(inputs: DatabaseIndexInputs): IndexWorkOptions {
  return { role: inputs.role, watch: targetOf(inputs.connection), onProgress: sayingProgress() };
}

/** At each new phase and every ten seconds. */
function sayingProgress(): (progress: IndexProgress) => void {
  let last = { phase: '', at: 0 };
  return (progress) => {
    if (progress.phase === last.phase && progress.elapsedMs - last.at < 10_000) return;
    last = { phase: progress.phase, at: progress.elapsedMs };
    speak('progress', progressLine(progress));
  };
}

function specOf(inputs: DatabaseIndexInputs): IndexSpec {
  const { name, schema, table, columns } = inputs;
  const spec: IndexSpec = { name, schema, table, columns };
  const { method, unique, nullsNotDistinct, include, predicate, storage, tablespace } = inputs;
  if (method !== undefined) spec.method = method;
  if (unique !== undefined) spec.unique = unique;
  if (nullsNotDistinct !== undefined) spec.nullsNotDistinct = nullsNotDistinct;
  if (include !== undefined) spec.include = include;
  if (predicate !== undefined) spec.predicate = predicate;
  if (storage !== undefined) spec.storage = storage;
  if (tablespace !== undefined) spec.tablespace = tablespace;
  return spec;
}

/** The declared inputs alone, without what the engine or `check` added. */
function inputsOf(from: DatabaseIndexInputs): DatabaseIndexInputs {
  return { ...specOf(from), role: from.role, connection: plainConnection(from.connection) };
}
