/** What a value is in expressions: types that compare with one another are one kind. */
export type ValueKind =
  | 'integer'
  | 'float'
  | 'numeric'
  | 'boolean'
  | 'text'
  | 'bytes'
  | 'timestamp'
  | 'date'
  | 'time'
  | 'json'
  | 'uuid'
  | 'null';

/** The type of PostgreSQL that a column of each kind gets. */
export const TYPES: Readonly<Record<Exclude<ValueKind, 'null'>, string>> = {
  integer: 'bigint',
  float: 'double precision',
  numeric: 'numeric',
  boolean: 'boolean',
  text: 'text',
  bytes: 'bytea',
  timestamp: 'timestamp',
  date: 'date',
  time: 'time',
  json: 'jsonb',
  uuid: 'uuid',
};
export type ColumnKind = keyof typeof TYPES;

export type Collation = 'binary' | 'nocase' | 'rtrim';
