import type { AuditedTable } from '../spec';
import type { ColumnFacts, DescendantFacts, TableFacts } from './actual';
import { TRIGGERS } from './names';

/**
 * How one audited table is recorded. `statement`: INSERT and DELETE by transition table, the fast way. `row`: by a row trigger, where the
 * fast way would miss or misplace rows.
 */
export interface AuditedShape {
  schema: string;
  table: string;
  keyColumns: string[];
  /** No part of the key is an array, an object or a row. */
  scalarKey: boolean;
  level: 'statement' | 'row';
  /** Why `row`; empty for `statement`. */
  reason: string;
  /** Partitions or child tables belong to it: their rows are recorded as its own. */
  family: boolean;
  exclude: string[];
  redact: string[];
  /** Settings on which a column's text depends, with the value they are recorded under. */
  pins: Record<string, string>;
  /** Other tables that need the same triggers: children, and for TRUNCATE partitions. */
  descendants: DescendantFacts[];
  oid: number;
  /** Of a partitioned table: its owner, who makes partitions, and with them copies of the triggers. */
  partitioner: string | null;
  /** Columns that are hidden, with their numbers: the guard sees a rename. */
  hidden: Record<string, number>;
}

/** Settings that decide how a value is written, by the type it belongs to. Dates and times alone are written in ISO 8601 by to_jsonb. */
const PINS: { types: RegExp; setting: string; value: string }[] = [
  {
    types: /^(real|double precision|point|line|lseg|box|path|polygon|circle)(\[\])?$/,
    setting: 'extra_float_digits',
    value: '1',
  },
  { types: /^interval\b/, setting: 'IntervalStyle', value: 'postgres' },
  { types: /^bytea\b/, setting: 'bytea_output', value: 'hex' },
  { types: /^money\b/, setting: 'lc_monetary', value: 'C' },
  { types: /^(date|ts|tstz)(multi)?range\b/, setting: 'DateStyle', value: 'ISO, MDY' },
];

/** Of a key with a zone: the same moment has to be the same key, whatever zone the session is in. */
const KEY_PIN = {
  types: /^(timestamp( \(\d\))? with time zone|tstz(multi)?range)\b/,
  setting: 'TimeZone',
  value: 'UTC',
};

/** All of them, for whoever has to write a value as the recorders do. */
export const RECORDED_UNDER: readonly { setting: string; value: string }[] = [...PINS, KEY_PIN];

/** What is hidden beside what the settings say: a virtual column has no value in a trigger. */
const isVirtual = (column: ColumnFacts): boolean => column.generated === 'virtual';

export function shapeOf(declared: AuditedTable, facts: TableFacts): AuditedShape {
  const names = new Map(facts.columns.map((column) => [column.name, column]));
  const present = (columns: readonly string[] = []): string[] => columns.filter((name) => names.has(name)).sort();
  const exclude = present([
    ...(declared.exclude ?? []),
    ...facts.columns.filter(isVirtual).map(({ name }) => name),
  ]).filter((name, index, all) => all.indexOf(name) === index);
  const redact = present(declared.redact).filter((name) => !exclude.includes(name));
  const reason = whyByRow(facts);
  return {
    schema: declared.schema,
    table: declared.table,
    oid: facts.oid,
    partitioner: facts.kind === 'partitioned table' ? facts.owner : null,
    keyColumns: facts.primaryKey,
    scalarKey: facts.primaryKey.every((name) => names.get(name)?.container !== true),
    level: reason === '' ? 'statement' : 'row',
    reason,
    family: facts.descendants.length > 0 || facts.kind === 'partitioned table' || facts.parent !== null,
    exclude,
    redact,
    pins: pinsOf(facts),
    descendants: facts.descendants,
    hidden: Object.fromEntries([...exclude, ...redact].map((name) => [name, names.get(name)?.number ?? 0])),
  };
}

function pinsOf({ columns, primaryKey }: TableFacts): Record<string, string> {
  const has = (types: RegExp, among: readonly ColumnFacts[]): boolean =>
    among.some(({ bases }) => bases.some((type) => types.test(type)));
  const pins = PINS.filter(({ types }) => has(types, columns));
  const key = columns.filter(({ name }) => primaryKey.includes(name));
  const all = has(KEY_PIN.types, key) ? [...pins, KEY_PIN] : pins;
  return Object.fromEntries(all.map(({ setting, value }) => [setting, value]));
}

/**
 * A statement trigger fires for the table a statement names and after all row triggers: it misses what goes straight to a partition, what an
 * apply worker writes, and would be recorded after what a row trigger of the application does to the same table.
 */
function whyByRow(facts: TableFacts): string {
  if (facts.kind === 'partitioned table') return 'partitioned';
  if (facts.parent !== null) return `part of ${facts.parent}`;
  if (facts.descendants.length > 0) return 'has child tables';
  if (facts.subscribed) return 'target of a subscription';
  const others = facts.triggers.filter(
    ({ name, row, after, events }) =>
      !Object.values(TRIGGERS).includes(name) && row && after && (events.insert || events.delete),
  );
  return others.length === 0 ? '' : `row trigger ${others.map(({ name }) => name).join(', ')}`;
}
