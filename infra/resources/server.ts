import type * as pulumi from '@pulumi/pulumi';

import { HandledResource } from './shim';

export interface ServerArgs {
  /** Relative to the folder of Pulumi.yaml where it lies below it; never removed and never initialised twice. */
  dataDirectory: string;
  logDirectory: string;
  /** `auto`, `installed`, `embedded`, or a folder with initdb and postgres in it. */
  binaries: string;
  /** The account that runs the server where root starts it. */
  account?: string;
  host: string;
  port: number;
  adminUser: string;
  adminPassword: pulumi.Input<string>;
  parameters: Record<string, string | number | boolean>;
}

/**
 * A PostgreSQL server process on this machine. A changed parameter is applied by reload or restart, as the computed
 * property `activation` of the preview says. Deleting it stops the server and keeps the data.
 */
export class Server extends HandledResource {
  /** Major version that runs. */
  declare readonly major: pulumi.Output<number>;
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, args: ServerArgs, options: pulumi.CustomResourceOptions) {
    super('Server', name, { ...args }, ['major', 'version'], options);
  }
}
