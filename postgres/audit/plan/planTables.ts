import { isDeepStrictEqual } from 'node:util';

import { qualified, quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import {
  CHANGE_OPERATIONS,
  type ChangeOperation,
  json,
  literal,
  recorderName,
  tableLabel,
  textArray,
  trailNames,
  TRIGGERS,
} from '../names';
import type { AuditFunction } from '../sql/function';
import type { AuditActual, DescendantFacts, TableFacts, TriggerFacts } from './catalog';
import type { AuditedShape } from './recording';
import { type AuditStep, step } from './step';

interface TriggerForm {
  row: boolean;
  after: boolean;
  oldTable: string | null;
  newTable: string | null;
}

function form(shape: AuditedShape, operation: ChangeOperation): TriggerForm {
  if (operation === 'TRUNCATE') return { row: false, after: false, oldTable: null, newTable: null };
  const row = operation === 'UPDATE' || shape.level === 'row';
  return {
    row,
    after: true,
    oldTable: !row && operation === 'DELETE' ? 'old_rows' : null,
    newTable: !row && operation === 'INSERT' ? 'new_rows' : null,
  };
}

/**
 * Registers one table and makes its triggers, in one step, so that nothing is half audited. Where its recorders change, the trail says what is
 * recorded from now on.
 */
export function planTable(
  spec: AuditSpec,
  actual: AuditActual,
  shape: AuditedShape,
  functions: readonly AuditFunction[],
): AuditStep[] {
  const facts = actual.tables.find(({ oid }) => oid === shape.oid);
  const triggers = [
    ...CHANGE_OPERATIONS.flatMap((operation) => triggerSql(spec, shape, operation, shape, facts)),
    ...shape.descendants.flatMap((descendant) => descendantSql(spec, actual, shape, descendant)),
  ];
  const row = actual.audited.find(({ relation }) => relation === shape.oid);
  const wanted = {
    relation: shape.oid,
    schema: shape.schema,
    table: shape.table,
    keyColumns: shape.keyColumns,
    hidden: shape.hidden,
    triggers: registered(shape),
    rules: shape.rules,
  };
  const registry = isDeepStrictEqual(row, wanted) ? [] : [registerSql(spec, shape)];
  if (triggers.length === 0 && registry.length === 0 && !recordsOtherwise(actual, shape, functions)) return [];
  const detail = describe(shape);
  const rules = { recording: true, level: shape.level, exclude: shape.exclude, redact: shape.redact };
  return [
    step(row === undefined ? 'create' : 'change', `audit of ${tableLabel(shape)}`, detail, [
      ...triggers,
      ...registry,
      markSql(spec, shape, rules),
    ]),
  ];
}

/** A recorder that is there has another source than it should. */
function recordsOtherwise(actual: AuditActual, shape: AuditedShape, functions: readonly AuditFunction[]): boolean {
  const recorders = Object.values(registered(shape));
  return functions.some(
    ({ name, source }) =>
      recorders.includes(name) && actual.functions.some((found) => found.name === name && found.source !== source),
  );
}

function describe(shape: AuditedShape): string {
  return [
    shape.level === 'statement' ? 'inserts and deletes by statement, updates by row' : `by row: ${shape.reason}`,
    ...(shape.exclude.length === 0 ? [] : [`without ${shape.exclude.join(', ')}`]),
    ...(shape.redact.length === 0 ? [] : [`${shape.redact.join(', ')} masked`]),
  ].join('; ');
}

const registered = (shape: AuditedShape): Record<string, string> =>
  Object.fromEntries(
    CHANGE_OPERATIONS.map((operation) => [TRIGGERS[operation], recorderName(operation, shape.schema, shape.table)]),
  );

function registerSql(spec: AuditSpec, shape: AuditedShape): string {
  const relation = `${literal(qualified(shape.schema, shape.table))}::pg_catalog.regclass`;
  const set = ['table_schema', 'table_name', 'key_columns', 'hidden', 'triggers', 'rules'].map(
    (name) => `${name} = EXCLUDED.${name}`,
  );
  return (
    `INSERT INTO ${trailNames(spec).audited} AS a (relation, table_schema, table_name, key_columns, hidden, triggers, rules) VALUES (${relation}, ` +
    `${literal(shape.schema)}, ${literal(shape.table)}, ${textArray(shape.keyColumns)}, ${json(shape.hidden)}, ${json(registered(shape))}, ${json(shape.rules)}) ` +
    `ON CONFLICT (relation) DO UPDATE SET ${set.join(', ')}`
  );
}

const markSql = (spec: AuditSpec, table: { schema: string; table: string }, marker: unknown): string =>
  `SELECT ${trailNames(spec).fn('mark')}('CONFIGURED', ${literal(table.schema)}, ${literal(table.table)}, ${json(marker)})`;

function triggerSql(
  spec: AuditSpec,
  shape: AuditedShape,
  operation: ChangeOperation,
  on: { schema: string; table: string },
  facts: TableFacts | undefined,
): string[] {
  const name = TRIGGERS[operation];
  const recorder = recorderName(operation, shape.schema, shape.table);
  const wanted = form(shape, operation);
  const found = facts?.triggers.find((trigger) => trigger.name === name);
  if (found !== undefined && matches(found, wanted, operation, `${spec.schema}.${recorder}`)) return [];
  const table = qualified(on.schema, on.table);
  const referencing = [
    ...(wanted.oldTable === null ? [] : [` REFERENCING OLD TABLE AS ${wanted.oldTable}`]),
    ...(wanted.newTable === null ? [] : [` REFERENCING NEW TABLE AS ${wanted.newTable}`]),
  ].join('');
  return [
    `CREATE OR REPLACE TRIGGER ${quoteIdentifier(name)} ${wanted.after ? 'AFTER' : 'BEFORE'} ${operation} ON ${table}${referencing} ` +
      `FOR EACH ${wanted.row ? 'ROW' : 'STATEMENT'} EXECUTE FUNCTION ${qualified(spec.schema, recorder)}()`,
    `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${quoteIdentifier(name)}`,
  ];
}

function matches(found: TriggerFacts, wanted: TriggerForm, operation: ChangeOperation, recorder: string): boolean {
  const events = { insert: false, update: false, delete: false, truncate: false };
  events[operation.toLowerCase() as keyof typeof events] = true;
  return (
    found.enabled === 'A' &&
    found.function === recorder &&
    found.row === wanted.row &&
    found.after === wanted.after &&
    found.oldTable === wanted.oldTable &&
    found.newTable === wanted.newTable &&
    !found.conditional &&
    isDeepStrictEqual(found.events, events)
  );
}

/** Row triggers come to partitions by themselves; TRUNCATE's does not, and child tables get none at all. */
function descendantSql(
  spec: AuditSpec,
  actual: AuditActual,
  shape: AuditedShape,
  descendant: DescendantFacts,
): string[] {
  const facts = actual.tables.find(({ oid }) => oid === descendant.oid);
  const operations: readonly ChangeOperation[] = descendant.partition ? ['TRUNCATE'] : CHANGE_OPERATIONS;
  const table = qualified(descendant.schema, descendant.table);
  return [
    ...descendant.weak.map((name) => `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${quoteIdentifier(name)}`),
    ...operations.flatMap((operation) => triggerSql(spec, shape, operation, descendant, facts)),
  ];
}

/** Triggers, list entries and recorders of tables that are no longer declared. Their rows of the trail stay. */
export function planRemovals(spec: AuditSpec, actual: AuditActual, shapes: readonly AuditedShape[]): AuditStep[] {
  const recorded = new Set(shapes.flatMap((shape) => [shape.oid, ...shape.descendants.map(({ oid }) => oid)]));
  const steps: AuditStep[] = [];
  for (const table of actual.tables) {
    if (recorded.has(table.oid)) continue;
    const ours = table.triggers.filter((trigger) => trigger.function.startsWith(`${spec.schema}.`));
    if (ours.length === 0) continue;
    const sql = ours.map(
      ({ name }) => `DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(table.schema, table.table)}`,
    );
    if (actual.audited.some(({ relation }) => relation === table.oid))
      sql.push(markSql(spec, table, { recording: false }));
    steps.push(step('remove', `audit of ${tableLabel(table)}`, 'recorded no longer; its rows of the trail stay', sql));
  }
  const gone = actual.audited.filter(({ relation }) => !shapes.some(({ oid }) => oid === relation));
  if (gone.length > 0) {
    const oids = gone.map(({ relation }) => String(relation)).join(', ');
    const sql = [`DELETE FROM ${trailNames(spec).audited} AS a WHERE a.relation::pg_catalog.oid IN (${oids})`];
    steps.push(step('remove', `list entries`, gone.map(tableLabel).join(', '), sql));
  }
  return steps;
}
