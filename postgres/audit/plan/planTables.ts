import { isDeepStrictEqual } from 'node:util';

import { qualified, quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual, DescendantFacts, TableFacts, TriggerFacts } from '../catalog';
import {
  CHANGE_OPERATIONS,
  type ChangeOperation,
  json,
  literal,
  recorderName,
  tableLabel,
  type TableRef,
  textArray,
  trailNames,
  TRIGGERS,
} from '../names';
import type { Recording } from '../recording';
import type { AuditFunction } from '../sql/function';
import { step } from './step';

interface TriggerForm {
  row: boolean;
  after: boolean;
  oldTable: string | null;
  newTable: string | null;
}

function form(recording: Recording, operation: ChangeOperation): TriggerForm {
  if (operation === 'TRUNCATE') return { row: false, after: false, oldTable: null, newTable: null };
  const row = operation === 'UPDATE' || recording.level === 'row';
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
  recording: Recording,
  functions: readonly AuditFunction[],
): Step[] {
  const facts = actual.tables.find(({ oid }) => oid === recording.oid);
  const triggers = [
    ...CHANGE_OPERATIONS.flatMap((operation) => triggerSql(spec, recording, operation, recording, facts)),
    ...recording.descendants.flatMap((descendant) => descendantSql(spec, actual, recording, descendant)),
  ];
  const row = actual.audited.find(({ relation }) => relation === recording.oid);
  const wanted = {
    relation: recording.oid,
    schema: recording.schema,
    table: recording.table,
    keyColumns: recording.keyColumns,
    hidden: recording.hidden,
    triggers: registered(recording),
    rules: recording.rules,
  };
  const registry = isDeepStrictEqual(row, wanted) ? [] : [registerSql(spec, recording)];
  if (triggers.length === 0 && registry.length === 0 && !recordsOtherwise(actual, recording, functions)) return [];
  const detail = describe(recording);
  const rules = { recording: true, level: recording.level, exclude: recording.exclude, redact: recording.redact };
  return [
    step(row === undefined ? 'create' : 'change', `audit of ${tableLabel(recording)}`, detail, [
      ...triggers,
      ...registry,
      markSql(spec, recording, rules),
    ]),
  ];
}

/** A recorder that is there has another source than it should. */
function recordsOtherwise(actual: AuditActual, recording: Recording, functions: readonly AuditFunction[]): boolean {
  const recorders = Object.values(registered(recording));
  return functions.some(
    ({ name, source }) =>
      recorders.includes(name) && actual.functions.some((found) => found.name === name && found.source !== source),
  );
}

function describe(recording: Recording): string {
  return [
    recording.level === 'statement'
      ? 'inserts and deletes by statement, updates by row'
      : `by row: ${recording.reason}`,
    ...(recording.exclude.length === 0 ? [] : [`without ${recording.exclude.join(', ')}`]),
    ...(recording.redact.length === 0 ? [] : [`${recording.redact.join(', ')} masked`]),
  ].join('; ');
}

const registered = (recording: Recording): Record<string, string> =>
  Object.fromEntries(
    CHANGE_OPERATIONS.map((operation) => [
      TRIGGERS[operation],
      recorderName(operation, recording.schema, recording.table),
    ]),
  );

function registerSql(spec: AuditSpec, recording: Recording): string {
  const relation = `${literal(qualified(recording.schema, recording.table))}::pg_catalog.regclass`;
  const set = ['table_schema', 'table_name', 'key_columns', 'hidden', 'triggers', 'rules'].map(
    (name) => `${name} = EXCLUDED.${name}`,
  );
  return (
    `INSERT INTO ${trailNames(spec).audited} AS a (relation, table_schema, table_name, key_columns, hidden, triggers, rules) VALUES (${relation}, ` +
    `${literal(recording.schema)}, ${literal(recording.table)}, ${textArray(recording.keyColumns)}, ${json(recording.hidden)}, ${json(registered(recording))}, ${json(recording.rules)}) ` +
    `ON CONFLICT (relation) DO UPDATE SET ${set.join(', ')}`
  );
}

const markSql = (spec: AuditSpec, table: TableRef, marker: unknown): string =>
  `SELECT ${trailNames(spec).fn('mark')}('CONFIGURED', ${literal(table.schema)}, ${literal(table.table)}, ${json(marker)})`;

function triggerSql(
  spec: AuditSpec,
  recording: Recording,
  operation: ChangeOperation,
  on: TableRef,
  facts: TableFacts | undefined,
): string[] {
  const name = TRIGGERS[operation];
  const recorder = recorderName(operation, recording.schema, recording.table);
  const wanted = form(recording, operation);
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
  recording: Recording,
  descendant: DescendantFacts,
): string[] {
  const facts = actual.tables.find(({ oid }) => oid === descendant.oid);
  const operations: readonly ChangeOperation[] = descendant.partition ? ['TRUNCATE'] : CHANGE_OPERATIONS;
  const table = qualified(descendant.schema, descendant.table);
  return [
    ...descendant.weak.map((name) => `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${quoteIdentifier(name)}`),
    ...operations.flatMap((operation) => triggerSql(spec, recording, operation, descendant, facts)),
  ];
}

/** Triggers, list entries and recorders of tables that are no longer declared. Their rows of the trail stay. */
export function planRemovals(spec: AuditSpec, actual: AuditActual, recordings: readonly Recording[]): Step[] {
  const recorded = new Set(
    recordings.flatMap((recording) => [recording.oid, ...recording.descendants.map(({ oid }) => oid)]),
  );
  const steps: Step[] = [];
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
  const gone = actual.audited.filter(({ relation }) => !recordings.some(({ oid }) => oid === relation));
  if (gone.length > 0) {
    const oids = gone.map(({ relation }) => String(relation)).join(', ');
    const sql = [`DELETE FROM ${trailNames(spec).audited} AS a WHERE a.relation::pg_catalog.oid IN (${oids})`];
    steps.push(step('remove', `list entries`, gone.map(tableLabel).join(', '), sql));
  }
  return steps;
}
