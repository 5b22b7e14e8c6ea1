import * as pulumi from '@pulumi/pulumi';

import { Credentials } from '../components/database/credentials';
import { declaredMigrations } from '../components/schema/migrations';
import { checkAuthority, databaseAddress } from '../infra/config/access';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';
import { PROJECT } from '../infra/config/stackFile';
import { declareObjects } from './objects';
import { connectionOutputs } from './outputs';

/** The database's objects in a server that already runs where `database.host` says; the containers are not declared by this program. */
export function dev(settings: Settings, context: SpecContext & { isOffline: boolean }): Record<string, unknown> {
  const spec = databaseSpec(settings, context);
  const migrations = declaredMigrations(spec.migrations);
  const { adminUser, adminPassword } = settings.database;
  const address = databaseAddress(settings.database);
  if (!context.isOffline) checkAuthority(address, context.projectRoot);
  void pulumi.log.warn(
    `Stack ${settings.stack} declares what is inside PostgreSQL at ${address.host}:${address.port}. The containers of dev (PostgreSQL, PgBouncer, ` +
      'the exporter, Prometheus, Alertmanager, Grafana) are not part of the program: that server has to run already.',
  );
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const credentials = new Credentials('password', {
    roles: [adminUser, ...logins],
    given: new Map(adminPassword === undefined ? [] : [[adminUser, secretPassword()]]),
  });
  declareObjects({ spec, migrations, credentials, address, adminUser, projectRoot: context.projectRoot });
  return connectionOutputs({ settings, spec, credentials, address });
}

/** The value itself, which no settings hold. */
function secretPassword(): pulumi.Output<string> {
  const database = new pulumi.Config(PROJECT).requireSecretObject<{ adminPassword: unknown }>('database');
  return database.apply(({ adminPassword }) => String(adminPassword));
}
