import type { Client } from 'pg';

import { bringUpAudit } from '../audit/plan/apply';
import { withTransaction } from '../connection/client';
import { ensureExtension } from '../extensions/extension';
import { ensureIndex } from '../indexes/ensure';
import { progressLine } from '../indexes/print';
import { applyPrivileges } from '../privileges/apply';
import { readPrivileges } from '../privileges/catalog';
import { beyondReach } from '../privileges/plan';
import { ensureRole } from '../roles/applyRole';
import {
  applyDefaultPrivileges,
  applyGrant,
  planDefaultPrivileges,
  planGrant,
  readDefaultPrivileges,
} from '../roles/grants';
import { applyLoginSettings } from '../roles/loginSettings';
import { inOrderOfMembership } from '../roles/membershipOrder';
import { samePrivileges } from '../roles/privileges';
import { grantedOn } from '../roles/readGrant';
import { PLAIN_ROLE } from '../roles/role';
import { applySchemas } from '../roles/schemas';
import type {
  ConnectionTarget,
  DatabaseSpec,
  DefaultPrivilegesSpec,
  GrantSpec,
  PrivilegesSpec,
  RoleSpec,
} from '../spec';
import type { Step } from '../steps/step';
import { IAM_ROLE, joinOwners, type Powers } from './master';
import { bringUpMigrations } from './migrations';
import type { Run } from './run';

export interface Work {
  run: Run;
  /** The master's session, in the declared database. */
  client: Client;
  master: ConnectionTarget;
  /** Asked for when the role is there. */
  migrator: () => ConnectionTarget;
  spec: DatabaseSpec;
  powers: Powers;
}

/** Everything in a database, in the order in which one thing needs the other, as `stacks/objects.ts` has it. */
export async function applyObjects(work: Work): Promise<void> {
  const { run, client, spec } = work;
  const roles = spec.roles.map(({ name }) => name);
  for (const role of inOrderOfMembership(spec.roles)) await applyRole(work, role);
  if (!work.powers.superuser)
    await run.step('master', '', () => joinOwners(client, [...new Set([spec.owner, spec.audit.owner])]));
  await run.step('login settings', '', () => applyLoginSettings(client, { database: spec.name, roles }));
  await run.step('schemas', '', () => applySchemas(client, spec.schemas));
  for (const extension of spec.extensions)
    await run.step('extension', extension.name, () =>
      withTransaction(client, () => ensureExtension(client, extension)),
    );
  await run.step('grants', '', () => applyGrants(work));
  await run.step('default privileges', '', () => applyDefaults(work));
  await bringUpMigrations(work);
  // First, since a table that was given away has to come back to its owner before anything is built on it.
  await run.step('rights', '', () => applyRights(work, roles));
  await applyIndexes(work);
  await run.step('audit trail', '', async () => {
    const { steps, warnings } = await bringUpAudit(client, spec.audit);
    run.warnings.push(...warnings);
    return steps;
  });
}

/** Who logs in does so by IAM where the server knows that, and then needs no password. */
async function applyRole({ run, client, powers }: Work, role: RoleSpec): Promise<void> {
  const iam = role.login && powers.hasIam ? [IAM_ROLE] : [];
  const wanted = {
    ...PLAIN_ROLE,
    ...role,
    assumeRole: role.assumeRole ?? '',
    memberOf: [...role.memberOf, ...iam],
  };
  await run.step('role', role.name, () => ensureRole(client, wanted, { password: undefined, isComparable: false }));
}

/** On the database and its schemas; what lies in the schemas is `applyRights`', after the migrations. */
async function applyGrants({ client, spec }: Work): Promise<Step[]> {
  const done: Step[] = [];
  for (const grant of spec.grants) {
    if (grant.objectType !== 'database' && grant.objectType !== 'schema') continue;
    if (await isGranted(client, grant, spec.name)) continue;
    await applyGrant(client, grant, spec.name);
    done.push(...planGrant(grant, spec.name).slice(-1));
  }
  return done;
}

async function isGranted(client: Client, grant: GrantSpec, database: string): Promise<boolean> {
  const granted = await grantedOn(client, grant, database);
  return (
    granted?.every(
      ({ privileges, withGrantOption, foreignGrantors }) =>
        samePrivileges(grant.objectType, grant.privileges, privileges) &&
        !withGrantOption &&
        foreignGrantors.length === 0,
    ) === true
  );
}

async function applyDefaults({ client, spec }: Work): Promise<Step[]> {
  const done: Step[] = [];
  for (const defaults of spec.defaultPrivileges) {
    if (await isDefault(client, defaults)) continue;
    await applyDefaultPrivileges(client, defaults);
    done.push(...planDefaultPrivileges(defaults).slice(-1));
  }
  return done;
}

async function isDefault(client: Client, defaults: DefaultPrivilegesSpec): Promise<boolean> {
  const found = await readDefaultPrivileges(client, defaults);
  return (
    found !== undefined &&
    !found.withGrantOption &&
    samePrivileges(defaults.objectType, defaults.privileges, found.privileges)
  );
}

/** Built as the owner of the tables, outside any transaction. */
async function applyIndexes({ run, client, master, spec }: Work): Promise<void> {
  for (const index of spec.indexes) {
    await run.step('index', `${index.schema}.${index.name}`, async () => {
      const { steps, settled } = await ensureIndex(client, index, {
        role: spec.owner,
        watch: master,
        onStep: () => run.requireTime(),
        onProgress: (progress) => run.say(progressLine(progress)),
      });
      for (const note of settled.notes) run.warn('index-note', note, 'See docs/indexes.md.');
      return steps.map(({ sql }) => sql.join('; '));
    });
  }
}

async function applyRights({ run, client, spec }: Work, roles: string[]): Promise<readonly Step[]> {
  const rights: PrivilegesSpec = {
    roles,
    schemas: spec.schemas.map(({ name }) => name),
    grants: spec.grants,
    defaultPrivileges: spec.defaultPrivileges,
    trail: spec.audit.schema,
  };
  const steps = await applyPrivileges(client, rights);
  const state = await withTransaction(client, () => readPrivileges(client, rights));
  for (const { action } of beyondReach(rights, state))
    run.warn(
      'privilege-kept',
      `Not done, as the object belongs to nobody whom this account may act for: ${action}.`,
      'On a managed server its provider gave it; elsewhere the object’s owner can do it.',
    );
  return steps;
}
