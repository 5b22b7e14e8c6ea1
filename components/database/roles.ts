import * as postgresql from '@pulumi/postgresql';
import * as pulumi from '@pulumi/pulumi';

import { inOrderOfMembership } from '../../postgres/roles/membershipOrder';
import type { RoleSpec } from '../../postgres/spec';
import type { Credentials } from './credentials';

export interface RolesArgs {
  roles: readonly RoleSpec[];
  credentials: Credentials;
  provider: postgresql.Provider;
  /** With it every object inside the server goes; none is dropped one by one. */
  server?: pulumi.Resource;
}

/** Every declared role, with exact memberships: one that is not declared is revoked. */
export class Roles extends pulumi.ComponentResource {
  readonly byName: ReadonlyMap<string, postgresql.Role>;

  constructor(name: string, args: RolesArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:database:Roles', name, {}, options);
    const made = new Map<string, postgresql.Role>();
    for (const role of inOrderOfMembership(args.roles)) {
      const groups = role.memberOf.flatMap((group) => made.get(group) ?? []);
      made.set(role.name, this.createRole(name, args, role, groups));
    }
    this.byName = made;
    this.registerOutputs({});
  }

  private createRole(name: string, args: RolesArgs, role: RoleSpec, groups: postgresql.Role[]): postgresql.Role {
    return new postgresql.Role(
      `${name}-${role.name}`,
      {
        name: role.name,
        login: role.login,
        connectionLimit: role.connectionLimit,
        inherit: role.inherit,
        superuser: role.superuser,
        createDatabase: role.createDatabase,
        createRole: role.createRole,
        replication: role.replication,
        bypassRowLevelSecurity: role.bypassRowLevelSecurity,
        roles: [...role.memberOf],
        ...(role.assumeRole === undefined ? {} : { assumeRole: role.assumeRole }),
        ...(role.login ? { password: args.credentials.of(role.name) } : {}),
      },
      {
        parent: this,
        provider: args.provider,
        dependsOn: groups,
        // Set in the state by the engine that takes over a role it finds: that one is never dropped.
        ignoreChanges: ['skipDropRole', 'skipReassignOwned'],
        ...(args.server === undefined ? {} : { deletedWith: args.server }),
      },
    );
  }
}
