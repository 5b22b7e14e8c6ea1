import type * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

/** One column or expression of an index; see `IndexColumn` of the database library. */
export interface DatabaseIndexColumn {
  name: string;
  expression?: boolean;
  order?: 'asc' | 'desc';
  nulls?: 'first' | 'last';
  opclass?: string;
  collation?: string;
}

export interface DatabaseIndexArgs {
  connection: ConnectionArgs;
  /** Owns the index; the handler works as this role. */
  role: string;
  /** The index's name in the database. */
  name: string;
  schema: string;
  table: string;
  columns: DatabaseIndexColumn[];
  method?: string;
  unique?: boolean;
  nullsNotDistinct?: boolean;
  include?: string[];
  predicate?: string;
  storage?: Record<string, string | number | boolean>;
  tablespace?: string;
}

/** An index, built CONCURRENTLY and compared by meaning. A changed one is built anew beside the old one, then renamed. */
export class DatabaseIndex extends HandledResource {
  constructor(name: string, args: DatabaseIndexArgs, options: pulumi.CustomResourceOptions) {
    super('Index', name, { ...args }, [], options);
  }
}
