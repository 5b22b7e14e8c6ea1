/** Inputs of the server resource, as its handler receives them: secrets unwrapped. */
export interface ServerInputs {
  /**
   * Relative to the folder of Pulumi.yaml, so that the state holds for a folder that was moved or copied; absolute where a setting puts it
   * elsewhere. Where the account cannot reach it, the data lies in a system folder instead (postgres/server/layout.ts).
   */
  dataDirectory: string;
  logDirectory: string;
  /** In states from before paths were relative: the folder of Pulumi.yaml at that time. */
  packageRoot?: string;
  /** `auto`, `installed`, `embedded`, or a folder. */
  binaries: string;
  account?: string;
  host: string;
  port: number;
  adminUser: string;
  adminPassword: string;
  parameters: Record<string, string | number | boolean>;
  /** Computed by check, so that a preview says how a change is applied. */
  activation?: Activation;
}

export type Activation = 'none' | 'reload' | 'restart' | 'start';

export interface ServerOutputs extends ServerInputs {
  major: number;
  version: string;
  /** PostgreSQL's system identifier, made by initdb: which server it is, wherever its directory lies. */
  identity: string;
  /** Name of the account that runs it. */
  runsAs: string;
  /** What was not as declared when it was last read: `stopped`, `password`, names of parameters and configuration files. */
  drift: string[];
}
