import type * as pulumi from '@pulumi/pulumi';

import type { LoginSettingsSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface LoginSettingsArgs extends LoginSettingsSpec {
  connection: ConnectionArgs;
}

/** That sessions find nothing set which nobody declared (ALTER DATABASE, ALTER ROLE ... SET). Deleting it changes nothing. */
export class LoginSettings extends HandledResource {
  constructor(name: string, args: LoginSettingsArgs, options: pulumi.CustomResourceOptions) {
    super('LoginSettings', name, { ...args }, [], options);
  }
}
