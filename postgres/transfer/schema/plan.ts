import type { Problem } from '../../../system/errors';
import { quoteIdentifier } from '../../connection/quote';
import { cutName } from '../names';
import type { TargetTable } from '../target/tables';
import { columnSql, computeColumns, type MadeColumn, scopeOf } from './columns';
import { parseExpression } from './expression';
import type { ColumnFacts, TableFacts } from './facts';
import { indexStatements, keyStatements } from './indexes';
import type { Collation } from './kinds';
import { MadeTable, type SchemaNote } from './made';
import { References } from './references';
import type { Stored } from './stored';
import { condition, translate } from './translate';
import { chooseKind } from './types';

/** What makes the tables that the target lacks. */
export interface SchemaPlan {
  /** Their names in the target. */
  tables: string[];
  statements: string[];
  notes: SchemaNote[];
  problems: Problem[];
}

export interface SchemaOptions {
  schema: string;
  /** `Table.column`: not made. */
  exclude: readonly string[];
  /** `Table.column` whose numbers are times. */
  casts: Readonly<Record<string, unknown>>;
}

/**
 * The statements for tables of the source, in an order in which each finds what it needs: names that the source gave before those that PostgreSQL
 * chooses. Pure. All that stands in them is made anew; no text of the source's schema is repeated.
 */
export function planSchema(
  tables: readonly { facts: TableFacts; stored: ReadonlyMap<string, Stored> }[],
  targets: readonly TargetTable[],
  options: SchemaOptions,
): SchemaPlan {
  const notes: SchemaNote[] = [];
  const problems: Problem[] = [];
  const made = tables.map(({ facts, stored }) => {
    const table = new MadeTable(facts, cutName(facts.name), options.schema, notes);
    const columns = facts.columns.filter(({ name }) => !options.exclude.includes(`${facts.name}.${name}`));
    table.columns = columns.map((column) => madeColumn(table, column, stored.get(column.name), options));
    return table;
  });
  complainOfNames(made, problems);
  const references = new References(made, targets, options.schema);
  const keys = made.map((table) => keyStatements(table));
  for (const table of made) {
    references.settleOpen(table);
    computeColumns(table);
  }
  const taken = new Set([
    ...targets.flatMap(({ name, indexes }) => [name, ...indexes.map(({ bareName }) => bareName)]),
    ...made.map(({ name }) => name),
  ]);
  return {
    tables: made.map(({ name }) => name),
    statements: [
      ...made.map(tableSql),
      ...made.flatMap((table) => indexStatements(table, taken)),
      ...keys.flat(),
      ...made.flatMap((table) => references.statements(table)),
    ],
    notes,
    problems,
  };
}

function madeColumn(
  table: MadeTable,
  facts: ColumnFacts,
  stored: Stored | undefined,
  { casts }: SchemaOptions,
): MadeColumn {
  const path = `${table.facts.name}.${facts.name}`;
  const isNumber = facts.name === table.facts.rowNumber;
  const {
    kind,
    note,
    isOpen = false,
  } = isNumber
    ? { kind: 'integer' as const, note: undefined }
    : chooseKind(facts.declaredType, stored, Object.hasOwn(casts, path));
  const name = cutName(facts.name);
  if (note !== undefined) table.note(note, { facts });
  if (name !== facts.name) table.note(`PostgreSQL cuts the name to ${name}`, { facts });
  const collation = collationOf(facts);
  if (kind === 'text' && collation !== 'binary')
    table.note(
      `compares by ${collation.toUpperCase()} in SQLite, and byte by byte on PostgreSQL but for its keys, indexes and CHECKs`,
      { facts },
    );
  return { facts, name, kind, collation, isOpen, computedBy: undefined };
}

const collationOf = ({ collation }: ColumnFacts): Collation =>
  collation === 'nocase' || collation === 'rtrim' ? collation : 'binary';

function tableSql(table: MadeTable): string {
  const lines = table.columns.map((column) => columnSql(table, column));
  for (const check of table.facts.checks) {
    const sql = table.attempt(undefined, `CHECK (${textOf(check)})`, () =>
      condition(translate(parseExpression(check), scopeOf(table))),
    );
    if (sql !== undefined) lines.push(`CHECK ${sql.startsWith('(') ? sql : `(${sql})`}`);
  }
  if (table.facts.name !== table.name) table.note(`PostgreSQL cuts the name to ${table.name}`);
  for (const conflict of new Set(table.facts.conflicts))
    table.note(`ON CONFLICT ${conflict} of a constraint: PostgreSQL has it in the INSERT alone; it is left out`);
  return `CREATE TABLE ${table.qualified} (\n  ${lines.join(',\n  ')}\n)`;
}

/** For people. */
function textOf(tokens: readonly { text: string; kind: string }[]): string {
  const text = tokens.map(({ text: one, kind }) => (kind === 'name' ? quoteIdentifier(one) : one)).join(' ');
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

/** Columns that every table of PostgreSQL has. */
const SYSTEM = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

function complainOfNames(made: readonly MadeTable[], problems: Problem[]): void {
  const seen = new Map<string, string>();
  for (const { facts, name, columns } of made) {
    const table = { name, path: facts.name, seen, key: name };
    const inside = new Map<string, string>();
    const all = [
      table,
      ...columns.map((column) => ({
        name: column.name,
        path: `${facts.name}.${column.facts.name}`,
        seen: inside,
        key: column.name,
      })),
    ];
    for (const each of all) {
      const other = each.seen.get(each.key);
      each.seen.set(each.key, each.path);
      const reason =
        each.name === ''
          ? 'has no name, which PostgreSQL does not take'
          : other !== undefined
            ? `has the same first 63 bytes as ${other}, which PostgreSQL keeps of a name`
            : each !== table && SYSTEM.has(each.name)
              ? 'has a name that PostgreSQL keeps for itself'
              : undefined;
      if (reason === undefined) continue;
      problems.push({
        code: 'schema-name',
        message: `${each.path} of the source ${reason}.`,
        remedy: `Rename it in a copy of the source, or leave it out: --exclude ${each.path}.`,
        object: each.path,
      });
    }
  }
}
