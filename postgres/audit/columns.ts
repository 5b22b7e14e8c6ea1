import { quoteIdentifier } from '../connection/quote';
import type { Operation } from './names';
import { idSql } from './sql/identifier';

/**
 * The one list of the trail's columns: table, comments, digest, reading, `--json` and the table of docs/audit.md are made from it or tested against it.
 * The founding document's seven come first, in its order and with its names, then who, where and when in detail.
 */
interface ColumnForm {
  name: string;
  type: 'uuid' | 'text' | 'jsonb' | 'timestamp with time zone' | 'bigint' | 'inet' | 'bytea';
  notNull?: true;
  /** SQL; the catalog holds it as a resolved expression, so no search path reaches it. Of the id it is made from the trail's sequence. */
  default?: string | ((sequence: string) => string);
  /** The same for each row of a statement. Its default bears every schema. */
  perStatement?: true;
  /** What a HistoryEntry calls it; null: reading has no use for it. */
  entry: string | null;
  /** Came after the first release: rows of before have no value, and their digests do not count it. Neither NOT NULL nor of a type whose text depends on settings. */
  later?: true;
  /** In the catalog and in docs/audit.md. */
  comment: string;
}

export const COLUMNS = [
  {
    name: 'id',
    type: 'uuid',
    notNull: true,
    default: idSql,
    entry: 'id',
    comment: 'A UUID whose last half comes from a sequence: unique, also among trails, and ascending.',
  },
  {
    name: 'table_name',
    type: 'text',
    notNull: true,
    entry: 'table',
    comment: 'The audited table; of a partition or child table, the whole table.',
  },
  {
    name: 'operation',
    type: 'text',
    notNull: true,
    entry: 'operation',
    comment: 'INSERT, UPDATE, DELETE, TRUNCATE or a marker.',
  },
  { name: 'old_data', type: 'jsonb', entry: 'before', comment: 'The row before.' },
  { name: 'new_data', type: 'jsonb', entry: 'after', comment: 'The row after.' },
  {
    name: 'user_id',
    type: 'text',
    entry: 'user',
    comment: 'app.current_user_id, which the application sets with SET LOCAL; NULL where it did not.',
  },
  {
    name: 'timestamp',
    type: 'timestamp with time zone',
    notNull: true,
    default: 'CURRENT_TIMESTAMP',
    entry: 'timestamp',
    comment: 'Start of the transaction. Partitions are months of it, in UTC.',
  },
  {
    name: 'statement_time',
    type: 'timestamp with time zone',
    notNull: true,
    default: 'statement_timestamp()',
    entry: null,
    comment: 'Start of the statement the client sent.',
  },
  {
    name: 'clock_time',
    type: 'timestamp with time zone',
    notNull: true,
    default: 'clock_timestamp()',
    entry: 'clockTime',
    comment: 'The moment of recording.',
  },
  {
    name: 'txid',
    type: 'bigint',
    notNull: true,
    default: 'txid_current()',
    entry: 'txid',
    comment: 'The transaction, epoch included.',
  },
  {
    name: 'session_user_name',
    type: 'text',
    notNull: true,
    default: 'session_user',
    perStatement: true,
    entry: 'sessionUser',
    comment: 'The role that logged in, whatever SET ROLE says.',
  },
  {
    name: 'application_name',
    type: 'text',
    default: `pg_catalog.current_setting('application_name')`,
    perStatement: true,
    entry: 'application',
    comment: 'As the client says.',
  },
  {
    name: 'client_address',
    type: 'inet',
    default: 'pg_catalog.inet_client_addr()',
    perStatement: true,
    entry: 'clientAddress',
    comment: 'Of the connection; behind a pooler, the pooler’s. NULL: a socket of the same machine.',
  },
  { name: 'table_schema', type: 'text', notNull: true, entry: 'schema', comment: 'Schema of the table.' },
  {
    name: 'child_table',
    type: 'text',
    entry: 'childTable',
    comment: 'The partition or child table that held the row.',
  },
  { name: 'key', type: 'jsonb', entry: 'key', comment: 'The row’s primary key; of an UPDATE or DELETE, before it.' },
  {
    name: 'key_hash',
    type: 'bigint',
    entry: null,
    comment:
      'jsonb_hash_extended(..., 0) of the key’s value, or of the whole key where it has several; of [schema, table] where a whole table is concerned.',
  },
  { name: 'marker', type: 'jsonb', entry: 'marker', comment: 'What a marker says.' },
  { name: 'hash', type: 'bytea', entry: null, comment: 'SHA-256 of the other columns, where the hash chain is on.' },
] as const satisfies readonly ColumnForm[];

/** The list without its literal types. */
export const TRAIL_COLUMNS: readonly ColumnForm[] = COLUMNS;

type Column = (typeof COLUMNS)[number];
type Shown = Column & { entry: string };
type Value<C, Json> = C extends { name: 'operation' }
  ? Operation
  : C extends { type: 'jsonb' }
    ? Json
    : C extends { type: 'timestamp with time zone' }
      ? Date
      : string;

/** A row as reading has it, by the names of `entry`; `Json` is what its JSON is held as. */
export type TrailEntry<Json> = {
  [C in Shown as C['entry']]: C extends { notNull: true } ? Value<C, Json> : Value<C, Json> | null;
};

/** DEFAULT of a column, as SQL, for the trail's sequence (as SQL); empty: it has none. */
export function defaultSql({ default: value }: ColumnForm, sequence: string): string {
  if (value === undefined) return '';
  return ` DEFAULT ${typeof value === 'string' ? value : value(sequence)}`;
}

/** One column of CREATE TABLE. */
export const columnSql = (column: ColumnForm, sequence: string): string =>
  `${quoteIdentifier(column.name)} ${column.type}${column.notNull === true ? ' NOT NULL' : ''}${defaultSql(column, sequence)}`;
