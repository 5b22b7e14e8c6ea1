import type { Connection } from './connection';

export interface IndexColumnInputs {
  /** A column, as in the catalog; with `expression: true` an SQL expression. */
  name: string;
  expression?: boolean;
  order?: 'asc' | 'desc';
  nulls?: 'first' | 'last';
  /** Plain or schema-qualified, parameters in parentheses: `gist_trgm_ops(siglen=32)`. */
  opclass?: string;
  collation?: string;
}

export interface DatabaseIndexInputs {
  /** At most 63 bytes. */
  name: string;
  schema: string;
  table: string;
  columns: IndexColumnInputs[];
  /** Default btree. */
  method?: string;
  unique?: boolean;
  nullsNotDistinct?: boolean;
  include?: string[];
  /** SQL of the WHERE clause, without the word. */
  predicate?: string;
  storage?: Record<string, string | number | boolean>;
  /** Default: the database's. */
  tablespace?: string;
  /** Owns the table; the handler works as it. */
  role: string;
  connection: Connection;
  /**
   * Computed by `check` from the database, where one answers, so that a preview says it: `none`, `create`, `replace: ...`, or what
   * stands in the way as things are.
   */
  plan?: string;
}

export interface DatabaseIndexOutputs extends DatabaseIndexInputs {
  /** As PostgreSQL prints it. */
  definition: string;
  /** False: an interrupted build left it; the next update builds it again. */
  valid: boolean;
  /** What the index meant when it was found to be as declared; while it means the same, nothing has to be compared again. */
  compared?: string;
}
