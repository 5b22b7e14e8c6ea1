import type * as pulumi from '@pulumi/pulumi';

import type { SchemaSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface SchemasArgs {
  connection: ConnectionArgs;
  schemas: SchemaSpec[];
}

/** Schemas and their owners. One that is no longer declared, and deleting all of them, drops nothing. */
export class Schemas extends HandledResource {
  constructor(name: string, args: SchemasArgs, options: pulumi.CustomResourceOptions) {
    super('Schemas', name, { ...args }, [], options);
  }
}
