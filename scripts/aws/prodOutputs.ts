import { typeOf } from '../../engine/protocol/registration';
import { Secret } from '../../engine/state/values';
import { PlatformError } from '../../system/errors';
import type { Stack } from '../stack';
import type { StackState } from '../stackState';

/** What `up` of prod hands out of the way to its database. */
export interface ProdOutputs {
  region: string;
  database: string;
  /** By purpose; each logs in by IAM. */
  roles: Record<string, string>;
  instance: { address: string; port: number };
  proxy?: { endpoint: string; port: number };
}

export function prodOutputs({ name }: Stack, state: Pick<StackState, 'resources'> | undefined): ProdOutputs {
  const outputs = state?.resources.find(({ urn }) => typeOf(urn) === 'pulumi:pulumi:Stack')?.outputs ?? {};
  const plain = (key: string): unknown => {
    const value: unknown = outputs[key];
    return value instanceof Secret ? value.value : value;
  };
  const [region, database, roles, instance] = ['region', 'database', 'roles', 'instance'].map(plain);
  const proxy = plain('proxy');
  if (typeof region === 'string' && typeof database === 'string' && isRecord(roles) && isRecord(instance))
    return { region, database, roles, instance, ...(isRecord(proxy) ? { proxy } : {}) } as unknown as ProdOutputs;
  throw new PlatformError(
    'stack-not-deployed',
    `Stack ${name} hands out no database: it was never brought up to its end.`,
    'Run `npm run up` first.',
    { object: name },
  );
}

/** What the application needs in place of a password: `app/pool.ts` reads it. The migrator goes past the proxy, which would lose its locks. */
export function prodEnvironment({ region, database, roles, instance, proxy }: ProdOutputs): Record<string, string> {
  const direct = { host: instance.address, port: instance.port };
  const pooled = proxy === undefined ? direct : { host: proxy.endpoint, port: proxy.port };
  const url = (role: string | undefined, { host, port }: typeof direct): string =>
    `postgresql://${encodeURIComponent(role ?? '')}@${host}:${port}/${encodeURIComponent(database)}`;
  return {
    DATABASE_URL: url(roles['application'], pooled),
    DIRECT_URL: url(roles['migrator'], direct),
    DATABASE_AUTH: 'iam',
    AWS_REGION: region,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
