import { isDeepStrictEqual } from 'node:util';

import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import type { IndexWorkOptions } from '../../../postgres/indexes/apply';
import { readIndexes } from '../../../postgres/indexes/catalog';
import { definitionKey } from '../../../postgres/indexes/compare';
import type { IndexDescription } from '../../../postgres/indexes/description';
import { dropIndex, ensureIndex, planOneIndex, problemsError } from '../../../postgres/indexes/ensure';
import { retiredName, temporaryName } from '../../../postgres/indexes/names';
import type { IndexPlan, PreviousIndex } from '../../../postgres/indexes/plan';
import { planLine, progressLine } from '../../../postgres/indexes/print';
import type { IndexProgress } from '../../../postgres/indexes/progress';
import { actualSpec } from '../../../postgres/indexes/refresh';
import type { IndexSpec } from '../../../postgres/spec';
import { speak } from '../../../postgres/spoken';
import { PlatformError } from '../../../system/errors';
import type { DatabaseIndexInputs, DatabaseIndexOutputs } from '../databaseIndex';
import type { Handler } from '../handler';
import { notYet, planIfReachable, targetOf } from './connection';
import { failureFrom, without, withRemedy } from './failure';
import { tableIsFinal } from './pending';
import { Recent } from './recent';

/**
 * An index. Never replaced by the engine: an update builds the new one beside the old one and swaps the names, and where table, schema
 * or name changed it moves. What PostgreSQL does not take is a failure of `check`; where a migration of the same run may still change the
 * table, or nothing answers yet, the computed `plan` says that it is not yet checked and why.
 */
const handler: Handler<DatabaseIndexInputs, DatabaseIndexOutputs> = {
  async check(olds, news) {
    const known = ofRead.take(news);
    const found = known === undefined ? await planOf(news, previousOf(olds, news)) : { plan: known };
    ofCheck.remember(news, found);
    if ('reason' in found) return { inputs: { ...news, plan: notYet(found.reason) }, failures: [] };
    const { plan } = found;
    const table = tableIsFinal(news.connection, news.table);
    if (plan.problems.length === 0 || table === undefined)
      return { inputs: { ...news, plan: planLine(plan) }, failures: [] };
    if (table.awaits === undefined) return { inputs: news, failures: [failureFrom(problemsError(plan.problems))] };
    return { inputs: { ...news, plan: notYet(`migration ${table.awaits} comes first`) }, failures: [] };
  },

  async diff(_id, olds, news) {
    if (!isDeepStrictEqual(olds.connection, news.connection) || olds.role !== news.role) return { changes: true };
    const found = ofCheck.take(news) ?? (await planOf(news, previousOf(olds, news)));
    return {
      changes: 'plan' in found ? found.plan.action !== 'none' : !isDeepStrictEqual(specOf(olds), specOf(news)),
    };
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
    ofRead.remember(without(props, ...OUTPUTS), plan);
    const { role, connection } = props;
    const inputs = { ...actualSpec(specOf(props), actual, plan.differences), role, connection };
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

/** What only the handler knows. */
const OUTPUTS = ['definition', 'valid', 'compared'] as const;

export const databaseIndex = withRemedy(handler, ...OUTPUTS);

async function bringUp(inputs: DatabaseIndexInputs, previous?: PreviousIndex): Promise<DatabaseIndexOutputs> {
  const options = { ...work(inputs), ...(previous === undefined ? {} : { previous }) };
  const { index, settled } = await withClient(targetOf(inputs.connection), (client) =>
    ensureIndex(client, specOf(inputs), options),
  );
  const compared = comparedKey(index, settled);
  return { ...inputs, definition: index.definition, valid: index.status.valid, ...compared };
}

/** The plan for an index that is as declared. */
function unchanged({ schema, name, table }: DatabaseIndexInputs): IndexPlan {
  return { schema, name, table, action: 'none', differences: [], steps: [], problems: [], duplicates: [], notes: [] };
}

/** What is stored of a comparison that found nothing at all to say. */
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
      const { plan } = await planOneIndex(client, specOf(props), { role: props.role });
      return { actual, plan };
    });
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'database-missing') return undefined;
    throw error;
  }
}

type Found = { plan: IndexPlan } | { reason: string };

function planOf(inputs: DatabaseIndexInputs, before: PreviousIndex | undefined): Promise<Found> {
  const spec = specOf(inputs);
  const previous = new Map(before === undefined ? [] : [[spec, before]]);
  return planIfReachable(inputs.connection, async (client) => {
    const { plan } = await planOneIndex(client, spec, { role: inputs.role, previous });
    return plan;
  });
}

const ofRead = new Recent<DatabaseIndexInputs, IndexPlan>();
const ofCheck = new Recent<DatabaseIndexInputs, Found>();

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
  return without(inputs, 'role', 'connection', ...OUTPUTS);
}
