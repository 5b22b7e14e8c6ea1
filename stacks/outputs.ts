import * as pulumi from '@pulumi/pulumi';

import type { Credentials } from '../components/database/credentials';
import type { DatabaseAddress } from '../infra/config/access';
import type { DatabaseSpec } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';

export interface OutputsArgs {
  settings: Settings;
  spec: DatabaseSpec;
  credentials: Credentials;
  address: DatabaseAddress;
}

/** What a stack hands out: where the database is, and a secret map of passwords by role, which `coachdb` reads from the state. */
export function connectionOutputs({ settings, spec, credentials, address }: OutputsArgs): Record<string, unknown> {
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const users = [settings.database.adminUser, ...logins];
  return {
    ...address,
    database: spec.name,
    adminUser: settings.database.adminUser,
    roles: Object.fromEntries(spec.roles.filter((role) => role.login).map((role) => [role.purpose, role.name])),
    passwords: pulumi.secret(Object.fromEntries(users.map((user) => [user, credentials.of(user)]))),
  };
}
