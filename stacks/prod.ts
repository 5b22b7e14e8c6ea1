import * as pulumi from '@pulumi/pulumi';

import { Credentials } from '../components/database/credentials';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';

/** The credentials of prod's roles and the description of its database; the AWS resources are not declared by this program. */
export function prod(settings: Settings, context: SpecContext): Record<string, unknown> {
  const spec = databaseSpec(settings, context);
  void pulumi.log.warn(
    `Stack ${settings.stack} declares the passwords of its roles and hands out the database's description. The RDS instance, its ` +
      'network, the proxy, the backup buckets, monitoring and the migration function are not part of the program.',
  );
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const credentials = new Credentials('password', { roles: logins });
  return {
    database: spec.name,
    // Where the checkout lies is not part of what prod is.
    spec: { ...spec, migrations: { ...spec.migrations, directory: undefined } },
    passwords: pulumi.secret(Object.fromEntries(logins.map((user) => [user, credentials.of(user)]))),
  };
}
