import { Option } from 'commander';

import type { Settings } from '../../infra/config/settings';
import type { ConnectionTarget } from '../../postgres/spec';
import { PlatformError } from '../../system/errors';
import { prodEnvironment, prodOutputs, stackOutputs } from '../aws/prodOutputs';
import { done } from '../command';
import { mergeEnvironmentFile } from '../environmentFile';
import { ROLE, targetOf } from '../roleTarget';
import { openStack, type Stack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';

export const env: CommandDefinition = {
  name: 'env',
  printsData: true,
  description: 'the application’s environment: DATABASE_URL, DIRECT_URL, pool, backup',
  options: [
    new Option('--write <file>', 'merge it into this file (mode 0600), keeping all else in it'),
    ROLE('DATABASE_URL of this role alone'),
  ],
  run: async (context, options) => {
    const stack = openStack(context);
    const state = await readState(context, stack);
    const { application, migrator } = stack.settings.roles;
    const as = (role: string): ConnectionTarget => targetOf(stack, state, role, 'tell');
    const role = options['role'];
    const isProd = stack.settings.environment === 'prod';
    if (isProd && typeof role === 'string') throw noPassword(role);
    const variables: Record<string, string> = isProd
      ? { ...prodEnvironment(prodOutputs(stack, await stackOutputs(context, stack))), ...settingsOf(stack) }
      : typeof role === 'string'
        ? { DATABASE_URL: urlOf(as(role)) }
        : environmentOf(stack, as(application.name), as(migrator.name));
    const file = options['write'];
    if (typeof file === 'string') {
      const changed = mergeEnvironmentFile(file, variables);
      const names = Object.keys(variables);
      return done(
        `${changed.length === 0 ? 'Nothing to change in' : `Wrote ${changed.join(', ')} to`} ${file} (mode 0600).`,
        { file, variables: names, changed },
        changed.length === 0 ? 'ok' : 'changed',
      );
    }
    const text = Object.entries(variables)
      .map(([name, value]) => `${name}="${value}"`)
      .join('\n');
    return done(text, { variables });
  },
};

const POOL: Record<keyof Settings['pool'], string> = {
  min: 'DATABASE_POOL_MIN',
  max: 'DATABASE_POOL_MAX',
  acquireTimeoutMs: 'DATABASE_POOL_TIMEOUT',
  createTimeoutMs: 'DATABASE_POOL_CREATE_TIMEOUT',
  createRetryIntervalMs: 'DATABASE_POOL_CREATE_RETRY_INTERVAL',
  destroyTimeoutMs: 'DATABASE_POOL_DESTROY_TIMEOUT',
  idleTimeoutMs: 'DATABASE_POOL_IDLE_TIMEOUT',
  reapIntervalMs: 'DATABASE_POOL_REAP_INTERVAL',
};

/** Those of the founding document; the others are the platform's own. */
const BACKUP = {
  enabled: 'BACKUP_ENABLED',
  retentionDays: 'BACKUP_RETENTION_DAYS',
  compress: 'BACKUP_COMPRESS',
} satisfies Partial<Record<keyof Settings['backup'], string>>;

const variables = <K extends string>(
  names: Record<K, string>,
  values: Record<NoInfer<K>, number | boolean>,
): [string, string][] => (Object.keys(names) as K[]).map((key) => [names[key], String(values[key])]);

/** What app/database.ts reads. DIRECT_URL is the migrator's: `prisma migrate` works as the role that owns the tables. */
function environmentOf(
  stack: Stack,
  application: ConnectionTarget,
  migrator: ConnectionTarget,
): Record<string, string> {
  return {
    DATABASE_URL: urlOf(application),
    DIRECT_URL: urlOf(migrator, prismaTls(migrator)),
    ...settingsOf(stack),
  };
}

const settingsOf = ({ settings: { pool, backup } }: Stack): Record<string, string> =>
  Object.fromEntries([...variables(POOL, pool), ...variables(BACKUP, backup)]);

const noPassword = (role: string): PlatformError =>
  new PlatformError(
    'usage',
    `--role ${role}: in prod every role logs in with a token of IAM, and there is no password to write.`,
    'Leave --role out; a token is made by `aws rds generate-db-auth-token`.',
    { kind: 'usage', object: role },
  );

function urlOf(target: ConnectionTarget, tls = driverTls(target)): string {
  const { host, port, database, user, password = '' } = target;
  const encode = encodeURIComponent;
  const query = new URLSearchParams(tls).toString();
  return `postgresql://${encode(user)}:${encode(password)}@${host}:${port}/${encode(database)}${query === '' ? '' : `?${query}`}`;
}

/** As libpq and `pg` take it. */
function driverTls({ sslMode = 'disable', caFile = '' }: ConnectionTarget): Record<string, string> {
  return sslMode === 'disable' ? {} : { sslmode: sslMode, sslrootcert: caFile };
}

/** As Prisma's own engine takes it: it knows no verify-full, and `sslcert` is the authority. */
function prismaTls({ sslMode = 'disable', caFile = '' }: ConnectionTarget): Record<string, string> {
  return sslMode === 'disable' ? {} : { sslmode: 'require', sslaccept: 'strict', sslcert: caFile };
}
