import { join } from 'node:path';

import { Credentials } from '../components/database/credentials';
import { LocalServer } from '../components/database/localServer';
import { declaredMigrations } from '../components/schema/migrations';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';
import { declareObjects } from './objects';
import { connectionOutputs } from './outputs';

const LOOPBACK = '127.0.0.1';

/** A real server on this machine and everything in it. */
export function local(settings: Settings, context: SpecContext & { port: number }): Record<string, unknown> {
  const spec = databaseSpec(settings, context);
  const migrations = declaredMigrations(spec.migrations);
  const { adminUser } = settings.database;
  const home = join('.coachdb', settings.stack);
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const credentials = new Credentials('password', { roles: [adminUser, ...logins] });
  const { server } = new LocalServer('server', {
    dataDirectory: settings.server.dataDirectory ?? join(home, 'data'),
    logDirectory: join(home, 'logs'),
    binaries: settings.server.binaries,
    ...(settings.server.account === undefined ? {} : { account: settings.server.account }),
    host: LOOPBACK,
    port: context.port,
    adminUser,
    adminPassword: credentials.of(adminUser),
    parameters: spec.parameters,
  });
  declareObjects({
    spec,
    migrations,
    credentials,
    address: { host: LOOPBACK, port: context.port },
    adminUser,
    server,
    projectRoot: context.projectRoot,
  });
  return connectionOutputs({ settings, spec, credentials, address: { host: LOOPBACK, port: context.port } });
}
