import type * as pulumi from '@pulumi/pulumi';

import type { IndexSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface DatabaseIndexArgs extends IndexSpec {
  connection: ConnectionArgs;
  /** Owns the table and so the index; the handler works as this role. */
  role: string;
}

/** As the handler gets them. */
export type DatabaseIndexInputs = pulumi.Unwrap<DatabaseIndexArgs> & {
  /**
   * Computed by `check` from the database, where one answers, so that a preview says it: `none`, `create`, `replace: ...`, or what
   * stands in the way as things are.
   */
  plan?: string;
};

export type DatabaseIndexOutputs = DatabaseIndexInputs & {
  /** As PostgreSQL prints it. */
  definition: string;
  /** False: an interrupted build left it; the next update builds it again. */
  valid: boolean;
  /** What the index meant when it was found to be as declared; while it means the same, nothing has to be compared again. */
  compared?: string;
};

/** An index, built CONCURRENTLY and compared by meaning. A changed one is built anew beside the old one, then renamed. */
export class DatabaseIndex extends HandledResource {
  constructor(name: string, args: DatabaseIndexArgs, options: pulumi.CustomResourceOptions) {
    super('Index', name, { ...args }, [], options);
  }
}
