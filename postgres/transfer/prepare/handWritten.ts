import { type Location, type Made, type OtherStatement, SqliteHistory } from './sqliteHistory';

/** Why a statement is listed, and what to do about it. */
export const KINDS = {
  trigger: 'a trigger: write it for PostgreSQL, in a migration after the baseline',
  view: 'a view: write it for PostgreSQL, in a migration after the baseline',
  'virtual-table':
    'a virtual table, which PostgreSQL has not (for full-text search: a tsvector column with a GIN index)',
  table: 'a table without a model in the schema: the baseline does not make it, so its rows have nowhere to go',
  index: 'an index that the schema does not have: add it there (`@@index`), or in a migration after the baseline',
  'unique-index':
    'a unique key that the schema does not have: add it there (`@@unique`), or in a migration after the baseline',
  'partial-index': 'a partial index: add it in a migration after the baseline (`CREATE INDEX ... WHERE`)',
  'expression-index': 'an index on an expression: add it in a migration after the baseline',
  check: 'a CHECK, which the schema cannot say: add it in a migration after the baseline (`ADD CONSTRAINT ... CHECK`)',
  collate: 'a collation, which the schema cannot say (for NOCASE: the type citext, or a unique index on lower(...))',
  generated:
    'a generated column, which the baseline makes as a plain one: declare it in a migration after the baseline',
  default: 'a default that is an expression and that the schema does not have (`dbgenerated`)',
  'foreign-key':
    'a foreign key that the schema does not have: add the relation there, or the key in a migration after the baseline',
  deferrable: 'a constraint that is checked at the end of the transaction: the baseline’s is checked at once',
  conflict: 'an ON CONFLICT clause of a constraint, which PostgreSQL has in the INSERT alone',
  strict: 'a STRICT table: PostgreSQL’s always are',
  data: 'a change of rows: what it did is in the file and comes with the transfer, but a new database has none of it',
  other: 'a statement that Prisma does not write: see what it did',
} as const;
export type HandWrittenKind = keyof typeof KINDS;

/** SQL of the old migrations that is in effect and that the baseline has not. */
export interface HandWritten extends Location {
  kind: HandWrittenKind;
  /** `User.email`, a trigger’s name; empty where the statement names nothing. */
  object: string;
}

/**
 * What a person wrote into the old migrations, in their order: what a later one dropped is left out, and what the baseline makes as well.
 * Changes of rows are all listed.
 */
export function handWritten(scripts: readonly { path: string; sql: string }[], baseline: string): HandWritten[] {
  const known = new Set(new SqliteHistory([{ path: '', sql: baseline }]).made.map(keyOf));
  const { made, others } = new SqliteHistory(scripts);
  const added = made.filter((one) => !known.has(keyOf(one)));
  // A table that the baseline does not make is one entry, with all that is in it; a trigger has a body of its own.
  const unmade = new Set(added.filter(({ kind }) => kind === 'table').map(({ table }) => table.toLowerCase()));
  const listed = added.filter(
    ({ kind, table }) => ['table', 'trigger'].includes(kind) || !unmade.has(table.toLowerCase()),
  );
  const order = new Map(scripts.map(({ path }, index) => [path, index]));
  return [...listed, ...others]
    .map((one) => ({ kind: kindOf(one), object: objectOf(one), path: one.path, line: one.line, sql: one.sql }))
    .sort((a, b) => (order.get(a.path) ?? 0) - (order.get(b.path) ?? 0) || a.line - b.line);
}

/** What it is, whatever its own name: a unique index, constraint or primary key on these columns is one thing. */
function keyOf(one: Made): string {
  return [kindOf(one), one.table, one.columns ?? one.name ?? ''].join('\0').toLowerCase();
}

function kindOf({ kind }: Made | OtherStatement): HandWrittenKind {
  return kind === 'unique' || kind === 'primary' ? 'unique-index' : kind;
}

function objectOf(one: Made | OtherStatement): string {
  if ('name' in one && one.name !== undefined) return one.name;
  if (!('columns' in one) || one.columns === undefined || one.columns === '') return one.table;
  return `${one.table}.${one.columns}`;
}
