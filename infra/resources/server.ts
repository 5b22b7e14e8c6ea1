import type * as pulumi from '@pulumi/pulumi';

import type { Parameters } from '../../postgres/spec';
import { HandledResource } from './shim';

export interface ServerArgs {
  /**
   * Relative to the folder of Pulumi.yaml where it lies below it; never removed and never initialised twice. Where the account cannot reach it,
   * the data lies in a system folder instead (postgres/server/layout.ts).
   */
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
  parameters: Parameters;
}

/** As the handler gets them. Paths are relative so that the state holds for a folder that was moved or copied. */
export type ServerInputs = pulumi.Unwrap<ServerArgs> & {
  /** In states from before paths were relative: the folder of Pulumi.yaml at that time. */
  packageRoot?: string;
  /** Computed by check, so that a preview says how a change is applied. */
  activation?: Activation;
};

export type Activation = 'none' | 'reload' | 'restart' | 'start';

export type ServerOutputs = ServerInputs & {
  major: number;
  version: string;
  /** PostgreSQL's system identifier, made by initdb: which server it is, wherever its directory lies. */
  identity: string;
  /** Name of the account that runs it. */
  runsAs: string;
  /** What was not as declared when it was last read: `stopped`, `password`, names of parameters and configuration files. */
  drift: string[];
};

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
