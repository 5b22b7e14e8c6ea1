import type * as pulumi from '@pulumi/pulumi';

import type { PrivilegesSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface PrivilegesArgs extends PrivilegesSpec {
  connection: ConnectionArgs;
}

/**
 * The rights of every declared role, and of PUBLIC, exactly as declared: on tables, sequences and functions they are granted, and whatever
 * is held beside the declaration, on any object and from any grantor, is revoked. Deleting it revokes nothing.
 */
export class Privileges extends HandledResource {
  constructor(name: string, args: PrivilegesArgs, options: pulumi.CustomResourceOptions) {
    super('Privileges', name, { ...args }, [], options);
  }
}
