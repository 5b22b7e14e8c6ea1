import type { IndexSpec } from '../spec';

/**
 * Words used in this folder. *wanted*: an IndexSpec as PostgreSQL itself understands it; *actual*: what the catalog holds.
 * Both are an IndexDescription read by the same query, so that comparing them needs no SQL parser of ours.
 */

export interface QualifiedName {
  schema: string;
  name: string;
}

/** One key column, every default spelled out. Exactly one of `column` and `expression` is set. */
export interface IndexKey {
  column: string | null;
  /** As PostgreSQL prints it with only pg_catalog in the search path. */
  expression: string | null;
  order: 'asc' | 'desc';
  nulls: 'first' | 'last';
  /** Schema-qualified, for people. */
  opclass: string;
  /** Operator family, input and stored type: what the operator class means. `varchar_ops` and `text_ops` share one. */
  operators: string;
  opclassParameters: Record<string, string>;
  /** Schema-qualified; null where the type has none. */
  collation: string | null;
}

/** What an index is, whatever it is called here. */
export interface IndexDescription extends QualifiedName {
  table: string;
  method: string;
  keys: IndexKey[];
  include: string[];
  unique: boolean;
  nullsNotDistinct: boolean;
  predicate: string | null;
  /** Normalised: numbers without ornament, booleans `on` or `off`, values that equal the method's default left out. */
  storage: Record<string, string>;
  tablespace: string;
  status: IndexStatus;
  /** pg_get_indexdef, for people. */
  definition: string;
}

/** What hangs on an actual index and decides what may be done with it. */
export interface IndexStatus {
  valid: boolean;
  /** The index of a partitioned table itself: it holds no rows, its partitions' indexes do. */
  partitioned: boolean;
  /** The index of the partitioned table that this one is attached to. */
  attachedTo: string | null;
  /** The process id that is building it at this moment. */
  builtBy: number | null;
  constraint: { name: string; kind: 'primary key' | 'unique' | 'exclusion' } | null;
  /** Foreign keys of any table that rely on its uniqueness. */
  foreignKeys: string[];
  replicaIdentity: boolean;
  clustered: boolean;
  comment: string | null;
}

export interface IndexDifference {
  /** `method`, `columns`, `columns[0].order`, `storage.fillfactor`, `valid`, ... */
  property: string;
  wanted: string;
  actual: string;
}

export type TableKind = 'table' | 'partitioned table' | 'materialized view' | 'foreign table' | 'view' | 'other';

export interface TableColumn {
  name: string;
  /** As `format_type` prints it, schema-qualified outside pg_catalog. */
  type: string;
  collation: QualifiedName | null;
  /** Computed when read (PostgreSQL 18): such a column cannot be indexed. */
  virtual: boolean;
}

export interface TableFacts extends QualifiedName {
  kind: TableKind;
  owner: string;
  columns: TableColumn[];
}

/** A spec that PostgreSQL understood, with what is needed to write its statements. */
export interface WantedIndex {
  spec: IndexSpec;
  table: TableFacts;
  description: IndexDescription;
  /** The text between the parentheses of CREATE INDEX, operator classes and collations qualified. */
  columnsSql: string;
}

/** What the catalog holds around one wanted index. */
export interface IndexState {
  /** Indexes of the table, and whatever bears one of the names concerned elsewhere. */
  indexes: IndexDescription[];
  /** Relations that are no index and bear the wanted name: their kind. */
  occupiedBy: string | null;
}
