import type * as pulumi from '@pulumi/pulumi';

/** How a handler reaches the database. Host and port are known values, so that a first preview is clean. */
export interface ConnectionArgs {
  host: string;
  port: number;
  database: string;
  user: string;
  password: pulumi.Input<string>;
  /** Absent: without TLS, which reaches this machine alone. */
  sslMode?: 'verify-full';
  /** Certificates of the authority, PEM; absolute or below the project's folder. */
  caFile?: string;
}

/** The same as a handler gets it; the password arrives unwrapped. */
export type Connection = pulumi.Unwrap<ConnectionArgs>;
