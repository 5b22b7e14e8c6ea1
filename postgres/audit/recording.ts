import type { AuditedTable } from '../spec';
import type { DescendantFacts, TableFacts } from './catalog';
import { type AuditedRules, type Needs, RECORDED_UNDER } from './sql/needs';

/**
 * How one audited table is recorded. `statement`: INSERT and DELETE by transition table, the fast way. `row`: by a row trigger, where the
 * fast way would miss or misplace rows.
 */
export interface Recording {
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
  /** Columns to hide that the table does not have yet: left out, so that none is seen between the migration that brings it and the next `up`. */
  absent: string[];
  rules: AuditedRules;
  /** Settings on which a column's text depends, with the value they are recorded under. */
  settings: Record<string, string>;
  /** Other tables that need the same triggers: children, and for TRUNCATE partitions. */
  descendants: DescendantFacts[];
  oid: number;
  /** Of a partitioned table: its owner, who makes partitions, and with them copies of the triggers. */
  partitioner: string | null;
  /** Columns that are hidden, with their numbers: the guard sees a rename. */
  hidden: Record<string, number>;
}

export function recordingOf(declared: AuditedTable, facts: TableFacts): Recording {
  const { needs } = facts;
  const names = new Map(facts.columns.map((column) => [column.name, column]));
  const present = (columns: readonly string[] = []): string[] => columns.filter((name) => names.has(name)).sort();
  const exclude = present([...(declared.exclude ?? []), ...needs.virtual]).filter(
    (name, index, all) => all.indexOf(name) === index,
  );
  const redact = present(declared.redact).filter((name) => !exclude.includes(name));
  const hide = [...(declared.exclude ?? []), ...(declared.redact ?? [])];
  return {
    schema: declared.schema,
    table: declared.table,
    oid: facts.oid,
    partitioner: facts.kind === 'partitioned table' ? facts.owner : null,
    keyColumns: facts.primaryKey,
    scalarKey: !needs.traits.includes('container'),
    level: needs.traits.includes('row') ? 'row' : 'statement',
    reason: needs.reason,
    family: facts.descendants.length > 0 || facts.kind === 'partitioned table' || facts.parent !== null,
    exclude,
    redact,
    absent: [...new Set(hide)].filter((name) => !names.has(name)).sort(),
    rules: rulesOf(declared, needs),
    settings: settingsOf(facts),
    descendants: facts.descendants,
    hidden: Object.fromEntries([...exclude, ...redact].map((name) => [name, names.get(name)?.number ?? 0])),
  };
}

function rulesOf(declared: AuditedTable, { settings, virtual, traits }: Needs): AuditedRules {
  const sorted = (names: readonly string[] = []): string[] => [...new Set(names)].sort();
  const exclude = sorted(declared.exclude);
  const redact = sorted(declared.redact).filter((name) => !exclude.includes(name));
  return { exclude, redact, needs: { settings, virtual, traits } };
}

/** The settings of a table's needs, with the value they are recorded under. */
function settingsOf({ needs }: TableFacts): Record<string, string> {
  return Object.fromEntries(
    RECORDED_UNDER.filter(({ setting }) => needs.settings.includes(setting)).map(({ setting, value }) => [
      setting,
      value,
    ]),
  );
}
