import type * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface LoginSettingsArgs {
  connection: ConnectionArgs;
  database: string;
  /** Every setting of these roles that is no attribute of theirs, of the database and of all roles is reset. */
  roles: string[];
}

/** That sessions find nothing set which nobody declared (ALTER DATABASE, ALTER ROLE ... SET). Deleting it changes nothing. */
export class LoginSettings extends HandledResource {
  constructor(name: string, args: LoginSettingsArgs, options: pulumi.CustomResourceOptions) {
    super('LoginSettings', name, { ...args }, [], options);
  }
}
