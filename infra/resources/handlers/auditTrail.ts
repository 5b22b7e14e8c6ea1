import { isDeepStrictEqual } from 'node:util';

import { bringUpAudit, removeAudit } from '../../../postgres/audit/plan/apply';
import { type AuditPlan, planAudit, planLines } from '../../../postgres/audit/plan/plan';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import { refreshedTables } from '../../../postgres/audit/plan/refresh';
import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import type { AuditedTable, AuditSpec } from '../../../postgres/spec';
import { speak } from '../../../postgres/spoken';
import { errorText, PlatformError } from '../../../system/errors';
import type { AuditTrailInputs, AuditTrailOutputs } from '../auditTrail';
import type { CheckFailure, Handler } from '../handler';
import { connectionFailures, notYet, plainConnection, planIfReachable, targetOf } from './connection';
import { auditRefusal } from './dependents';
import { withRemedy } from './failure';
import { tableIsFinal } from './pending';
import { expected, isText, isTexts } from './planned';
import { Recent } from './recent';

/**
 * The audit trail. Never replaced; what differs is found in the catalog, so a trigger disabled or a function altered by hand is a change. A
 * table that cannot be audited is a failure of `check`; where a migration of the same run may still change it, the computed `plan` says that it
 * is not yet checked, and `create` and `update` refuse before they do anything. Deleting takes triggers, functions and guards away and keeps the trail with every row.
 */
const handler: Handler<AuditTrailInputs, AuditTrailOutputs> = {
  async check(olds, news) {
    const failures = [...checkInputs(news), ...checkHome(olds, news)];
    if (failures.length > 0) return { inputs: news, failures };
    const inputs = inputsOf(news);
    const known = ofRead.take(inputs);
    const found = known === undefined ? await planOf(inputs) : { plan: known };
    if ('reason' in found) return { inputs: { ...inputs, plan: [notYet(found.reason)] }, failures };
    const { plan } = found;
    ofCheck.remember(inputs, plan);
    const awaits = inputs.tables.map(({ table }) => tableIsFinal(inputs.connection, table));
    const open = awaits.find((table) => table?.awaits !== undefined);
    const refusals = plan.problems.filter(({ code }) => code !== 'audit-role-missing');
    if (refusals.length > 0 && open === undefined && !awaits.includes(undefined)) {
      return {
        inputs,
        failures: refusals.map((problem) => ({ property: '', reason: errorText(auditRefusal(problem)) })),
      };
    }
    if (plan.problems.length > 0 && open?.awaits !== undefined)
      return { inputs: { ...inputs, plan: [notYet(`migration ${open.awaits} comes first`)] }, failures };
    return { inputs: { ...inputs, plan: planLines(plan) }, failures };
  },

  async diff(_id, olds, news) {
    if (!isDeepStrictEqual(olds.connection, news.connection)) return { changes: true };
    const known = ofCheck.take(inputsOf(news));
    const found = known === undefined ? await planOf(news) : { plan: known };
    const plan = 'plan' in found ? found.plan : undefined;
    if (plan === undefined) return { changes: !isDeepStrictEqual(specOf(olds), specOf(news)) };
    return {
      changes: plan.steps.length > 0 || plan.problems.length > 0 || !isDeepStrictEqual(specOf(olds), specOf(news)),
    };
  },

  async create(inputs) {
    const { connection, schema, table } = inputs;
    return { id: `${connection.database}/${schema}.${table}`, outs: await bringUp(inputs) };
  },

  async read(id, props) {
    try {
      const actual = await withSharedClient(targetOf(props.connection), (client) => readAudit(client, specOf(props)));
      if (!actual.relations.some(({ name }) => name === props.table)) return { id: '' };
      // `check` comes next: for what is declared as it was, the plan is this one.
      ofRead.remember(inputsOf(props), planAudit(specOf(props), actual, new Date()));
      const inputs = { ...inputsOf(props), tables: refreshedTables(specOf(props), actual) };
      return { id, inputs, props: { ...inputs, warnings: props.warnings } };
    } catch (error) {
      if (error instanceof PlatformError && error.code === 'database-missing') return { id: '' };
      throw error;
    }
  },

  async update(_id, _olds, news) {
    return { outs: await bringUp(news) };
  },

  async delete(_id, props) {
    try {
      await withClient(targetOf(props.connection), (client) => removeAudit(client, specOf(props)));
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === 'database-missing')) throw error;
      return;
    }
    speak(
      'warning',
      `The rows of ${props.schema}.${props.table} stay, with their owner ${props.owner}; nothing is recorded any more.`,
    );
  },
};

export const auditTrail = withRemedy(handler);

async function bringUp(inputs: AuditTrailInputs): Promise<AuditTrailOutputs> {
  const plan = await withClient(targetOf(inputs.connection), (client) => bringUpAudit(client, specOf(inputs)));
  for (const { message, remedy } of plan.warnings) speak('warning', `${message} ${remedy}`);
  return { ...inputsOf(inputs), warnings: plan.warnings.map(({ message }) => message) };
}

function planOf(inputs: AuditTrailInputs): Promise<{ plan: AuditPlan } | { reason: string }> {
  const spec = specOf(inputs);
  return planIfReachable(inputs.connection, async (client) =>
    planAudit(spec, await readAudit(client, spec), new Date()),
  );
}

const ofRead = new Recent<AuditTrailInputs, AuditPlan>();
const ofCheck = new Recent<AuditTrailInputs, AuditPlan>();

type Expectation = readonly [isFine: (value: unknown) => boolean, what: string];

const optional = ([isFine, what]: Expectation): Expectation => [(value) => value === undefined || isFine(value), what];
const NAME: Expectation = [isText, 'a name'];
const ROLES: Expectation = [isTexts, 'a list of role names'];
const MONTHS: Expectation = [
  (value) => Number.isInteger(value) && Number(value) >= 0,
  'a whole number of months, 0 or more',
];

/** Each declared property, and what it has to be. */
const EXPECTED: Record<keyof AuditSpec, Expectation> = {
  schema: NAME,
  table: NAME,
  owner: NAME,
  readers: ROLES,
  loaders: optional(ROLES),
  dumpers: optional(ROLES),
  tables: [Array.isArray, 'a list of tables'],
  retentionMonths: MONTHS,
  monthsAhead: MONTHS,
  hashChain: [(value) => typeof value === 'boolean', 'true or false'],
};
const PROPERTIES = Object.keys(EXPECTED) as (keyof AuditSpec)[];

function isTable(value: Partial<AuditedTable>): boolean {
  const { schema, table, exclude = [], redact = [] } = value;
  return isText(schema) && isText(table) && isTexts(exclude) && isTexts(redact);
}

function checkInputs(news: AuditTrailInputs): CheckFailure[] {
  const failures = PROPERTIES.flatMap((property) => {
    const [isFine, what] = EXPECTED[property];
    const value: unknown = news[property];
    const entries = property === 'tables' && Array.isArray(value) ? (value as Partial<AuditedTable>[]) : [];
    return [
      ...expected(property, isFine(value), what),
      ...entries.flatMap((entry, index) =>
        expected(`tables[${index}]`, isTable(entry), 'schema, table and lists of columns'),
      ),
    ];
  });
  return [...failures, ...connectionFailures(news.connection)];
}

/** The rows would stay behind under the old name, and their history with them. */
function checkHome(olds: Partial<AuditTrailInputs> | undefined, news: AuditTrailInputs): CheckFailure[] {
  if (olds?.connection?.database !== news.connection?.database) return [];
  return (['schema', 'table'] as const)
    .filter((property) => olds?.[property] !== undefined && olds[property] !== news[property])
    .map((property) => ({
      property,
      reason:
        `The trail’s ${property} is ${olds?.[property]} and cannot become ${news[property]}: its rows would stay behind. ` +
        `Set coach:audit.${property} back, or remove the audited tables, run up, rename the ${property} by hand and declare both again.`,
    }));
}

/** The declared properties alone, without the connection and what the engine or `check` added. */
function specOf(inputs: AuditTrailInputs): AuditSpec {
  const declared = PROPERTIES.filter((property) => inputs[property] !== undefined);
  return Object.fromEntries(declared.map((property) => [property, inputs[property]])) as unknown as AuditSpec;
}

const inputsOf = (from: AuditTrailInputs): AuditTrailInputs => ({
  ...specOf(from),
  connection: plainConnection(from.connection),
});
