/** Inputs of the server resource, as its handler receives them: secrets unwrapped. */
export interface ServerInputs {
  /** Absolute. Where the account cannot reach it, the data lies in a system folder instead: see the output `actualDataDirectory`. */
  dataDirectory: string;
  logDirectory: string;
  packageRoot: string;
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
  actualDataDirectory: string;
  actualLogDirectory: string;
  /** Folder of the programs that run it. */
  binariesDirectory: string;
  /** Name of the account that runs it. */
  runsAs: string;
  /** What was not as declared when it was last read: `stopped`, `password`, names of parameters and configuration files. */
  drift: string[];
}
