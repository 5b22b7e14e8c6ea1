import * as pulumi from '@pulumi/pulumi';

import { Server, type ServerArgs } from '../../infra/resources/server';

export type LocalServerArgs = ServerArgs;

/** A real PostgreSQL on this machine, loopback only. Protected: with it every object inside goes. */
export class LocalServer extends pulumi.ComponentResource {
  readonly server: Server;

  constructor(name: string, args: LocalServerArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:database:LocalServer', name, {}, options);
    this.server = new Server(name, args, { parent: this, protect: true });
    this.registerOutputs({});
  }
}
