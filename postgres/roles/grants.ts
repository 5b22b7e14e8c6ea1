import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { grantee, PUBLIC, qualified, quoteIdentifier } from '../connection/quote';
import type { DefaultPrivilegesSpec, GrantSpec } from '../spec';
import { applyPlan, grantorRemedy, run, runAs } from '../steps/converge';
import { statementFailure } from '../steps/failure';
import { whileContended } from '../steps/retry';
import { type Step, step } from '../steps/step';
import { LATER_OBJECTS, privilegeList, samePrivileges } from './privileges';
import { grantedOn } from './readGrant';

/** Exactly these privileges, no others: both statements belong into one transaction, so that nobody is without them in between. */
export function planGrant(grant: GrantSpec, database: string): Step[] {
  const { role, objectType, privileges } = grant;
  const on = target(grant, database);
  const list = privilegeList(objectType, privileges);
  // What the role handed on goes along, which PostgreSQL would refuse to leave behind.
  const sql = `REVOKE ALL PRIVILEGES ON ${on} FROM ${grantee(role)} CASCADE`;
  const revoke = step(`revoke everything on ${on} from ${role}`, sql);
  if (privileges.length === 0) return [revoke];
  return [revoke, step(`grant ${list} on ${on} to ${role}`, `GRANT ${list} ON ${on} TO ${grantee(role)}`)];
}

function target({ objectType, schema = '', objects }: GrantSpec, database: string): string {
  if (objectType === 'database') return `DATABASE ${quoteIdentifier(database)}`;
  if (objectType === 'schema') return `SCHEMA ${quoteIdentifier(schema)}`;
  const word = objectType.toUpperCase();
  if (objects.length === 0) return `ALL ${word}S IN SCHEMA ${quoteIdentifier(schema)}`;
  return `${word} ${objects.map((name) => qualified(schema, name)).join(', ')}`;
}

/** Brings the role's privileges on the grant's objects to exactly the given ones, and looks whether they are. */
export async function applyGrant(client: Client, grant: GrantSpec, database: string): Promise<void> {
  const doing = `Granting ${grant.privileges.join(', ') || 'nothing'} on ${target(grant, database)} to ${grant.role}`;
  try {
    await whileContended(() =>
      withTransaction(client, async () => {
        await run(client, planGrant(grant, database));
        const given = await grantedOn(client, grant, database);
        const revoke = planGrant({ ...grant, privileges: [] }, database)[0]?.sql ?? [];
        // A REVOKE reaches only what its own role granted.
        for (const grantor of new Set(given?.flatMap(({ foreignGrantors }) => foreignGrantors)))
          await runAs(client, grantor, revoke);
        refuseForeign(grant, (await grantedOn(client, grant, database)) ?? []);
      }),
    );
  } catch (error) {
    throw statementFailure(error, doing, grant.role);
  }
}

/** What a superuser granted before it was one. */
function refuseForeign(grant: GrantSpec, granted: NonNullable<Awaited<ReturnType<typeof grantedOn>>>): void {
  const { role, objectType, privileges } = grant;
  const differing = granted.find((object) => !samePrivileges(objectType, privileges, object.privileges));
  const grantor = differing?.foreignGrantors[0];
  if (differing === undefined || grantor === undefined) return;
  throw new PlatformError(
    'privilege-of-another',
    `${role} holds ${differing.privileges.join(', ')} on ${objectType} ${differing.object}, some of it granted by ${grantor}, who does not own it; declared is ${privileges.join(', ') || 'nothing'}.`,
    grantorRemedy(grantor),
    { object: role },
  );
}

/** Takes back everything the grant gave. What no longer exists needs nothing. */
export async function revokeGrant(client: Client, grant: GrantSpec, database: string): Promise<void> {
  const granted = await grantedOn(client, grant, database);
  if (granted === undefined) return;
  // A table that was dropped would fail the statement for all of them.
  const objects = grant.objects.filter((name) =>
    granted.some((here) => here.object === name && here.privileges.length > 0),
  );
  if (grant.objects.length > 0 && objects.length === 0) return;
  await applyGrant(client, { ...grant, objects, privileges: [] }, database);
}

/** What objects that the owner makes later grant to the role by themselves: exactly these privileges. */
export function planDefaultPrivileges(defaults: DefaultPrivilegesSpec): Step[] {
  const { owner, role, schema, objectType, privileges } = defaults;
  const inSchema = schema === '' ? '' : ` IN SCHEMA ${quoteIdentifier(schema)}`;
  const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)}${inSchema}`;
  const list = privilegeList(objectType, privileges);
  const on = `ON ${objectType.toUpperCase()}S`;
  const what = `later ${objectType}s of ${owner}`;
  const revoke = step(`revoke everything on ${what} from ${role}`, `${alter} REVOKE ALL ${on} FROM ${grantee(role)}`);
  if (privileges.length === 0) return [revoke];
  return [revoke, step(`grant ${list} on ${what} to ${role}`, `${alter} GRANT ${list} ${on} TO ${grantee(role)}`)];
}

export function applyDefaultPrivileges(client: Client, defaults: DefaultPrivilegesSpec): Promise<readonly Step[]> {
  const { owner, role } = defaults;
  const plan = (): Promise<Step[]> => Promise.resolve(planDefaultPrivileges(defaults));
  return applyPlan(client, plan, `Granting on later objects of ${owner} to ${role}`, role);
}

/** Takes everything back. Where owner, role or schema are gone there is nothing left to take. */
export async function revokeDefaultPrivileges(client: Client, defaults: DefaultPrivilegesSpec): Promise<void> {
  if ((await readDefaultPrivileges(client, defaults)) === undefined) return;
  await applyDefaultPrivileges(client, { ...defaults, privileges: [] });
}

/** The privileges there are now, sorted. Undefined: the owner, the role or the schema does not exist. */
export async function readDefaultPrivileges(
  client: Client,
  defaults: DefaultPrivilegesSpec,
): Promise<{ privileges: string[]; withGrantOption: boolean } | undefined> {
  const { rows } = await client.query<{ isThere: boolean; privileges: string[]; withGrantOption: boolean }>({
    name: 'coachdb_default_privileges',
    text: DEFAULTS,
    values: [defaults.role, defaults.owner, defaults.schema, LATER_OBJECTS[defaults.objectType]],
  });
  const { isThere = false, privileges = [], withGrantOption = false } = rows[0] ?? {};
  return isThere ? { privileges, withGrantOption } : undefined;
}

/** PUBLIC has the oid 0, as in aclitem. Without a schema the entry's namespace is 0 as well. */
const DEFAULTS = `
  WITH ids AS (
    SELECT CASE $1 WHEN '${PUBLIC}' THEN 0 ELSE (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1) END AS role,
           (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $2) AS owner,
           CASE $3 WHEN '' THEN 0 ELSE (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $3) END AS schema)
  SELECT role IS NOT NULL AND owner IS NOT NULL AND schema IS NOT NULL AS "isThere",
         coalesce(privileges, '{}') AS privileges, coalesce(grantable, false) AS "withGrantOption"
  FROM ids CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT privilege_type::text ORDER BY privilege_type::text) AS privileges, bool_or(is_grantable) AS grantable
    FROM pg_catalog.pg_default_acl CROSS JOIN LATERAL pg_catalog.aclexplode(defaclacl)
    WHERE defaclrole = owner AND defaclobjtype = $4 AND defaclnamespace = schema AND grantee = role) AS acl`;
