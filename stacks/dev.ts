import * as pulumi from '@pulumi/pulumi';

import { Credentials } from '../components/database/credentials';
import { declaredMigrations } from '../components/schema/migrations';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';
import { declareObjects } from './objects';
import { connectionOutputs } from './outputs';

/** The database's objects in a server that already runs where `database.host` says; the containers are not declared by this program. */
export function dev(settings: Settings, place: SpecContext): Record<string, unknown> {
  const spec = databaseSpec(settings, place);
  const migrations = declaredMigrations(spec.migrations);
  const { adminUser, host = '127.0.0.1', port = 5432 } = settings.database;
  void pulumi.log.warn(
    `Stack ${settings.stack} declares what is inside PostgreSQL at ${host}:${port}. The containers of dev (PostgreSQL, PgBouncer, ` +
      'the exporter, Prometheus, Alertmanager, Grafana) are not part of the program: that server has to run already.',
  );
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const credentials = new Credentials('password', { roles: [adminUser, ...logins] });
  declareObjects({ spec, migrations, credentials, host, port, adminUser, projectRoot: place.projectRoot });
  return connectionOutputs({ settings, spec, credentials, host, port });
}
