import type { Client } from 'pg';

import { withTransaction } from '../connection/client';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import { scramVerifier } from './scram';

/** A role as PostgreSQL has it. */
export interface RoleAttributes {
  name: string;
  login: boolean;
  superuser: boolean;
  inherit: boolean;
  createRole: boolean;
  createDatabase: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  connectionLimit: number;
  /** `infinity` or a timestamp. */
  validUntil: string;
  /** SET ROLE at login, or empty. */
  assumeRole: string;
  /** Direct memberships, sorted. */
  memberOf: string[];
}

const READ = `
  SELECT rolname AS name, rolcanlogin AS login, rolsuper AS superuser, rolinherit AS inherit, rolcreaterole AS "createRole",
         rolcreatedb AS "createDatabase", rolreplication AS replication, rolbypassrls AS "bypassRowLevelSecurity",
         rolconnlimit AS "connectionLimit", coalesce(rolvaliduntil::text, 'infinity') AS "validUntil",
         coalesce((SELECT substr(setting, 6) FROM unnest(rolconfig) AS setting WHERE setting LIKE 'role=%'), '') AS "assumeRole",
         ARRAY(SELECT g.rolname::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
               WHERE m.member = r.oid ORDER BY 1) AS "memberOf"
  FROM pg_catalog.pg_roles r WHERE rolname = $1`;

/** The role, or undefined when there is none of that name. */
export async function readRole(client: Client, name: string): Promise<RoleAttributes | undefined> {
  const { rows } = await client.query<RoleAttributes>(READ, [name]);
  return rows[0];
}

/**
 * Makes the role, or brings an existing one of that name to these attributes and exactly these memberships, in one
 * transaction. `password` undefined: left as it is.
 */
export async function ensureRole(client: Client, wanted: RoleAttributes, password: string | undefined): Promise<void> {
  const verifier = password === undefined ? '' : ` PASSWORD ${quoteLiteral(await scramVerifier(password))}`;
  const name = quoteIdentifier(wanted.name);
  await withTransaction(client, async () => {
    const actual = await readRole(client, wanted.name);
    const verb = actual === undefined ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${name} WITH ${attributeClauses(wanted)}${verifier}`);
    if (wanted.assumeRole !== (actual?.assumeRole ?? '')) {
      const setting = wanted.assumeRole === '' ? 'RESET role' : `SET role TO ${quoteIdentifier(wanted.assumeRole)}`;
      await client.query(`ALTER ROLE ${name} ${setting}`);
    }
    const before = new Set(actual?.memberOf ?? []);
    for (const group of wanted.memberOf) {
      if (!before.delete(group)) await client.query(`GRANT ${quoteIdentifier(group)} TO ${name}`);
    }
    for (const group of before) await client.query(`REVOKE ${quoteIdentifier(group)} FROM ${name}`);
  });
}

function attributeClauses(role: RoleAttributes): string {
  const flag = (on: boolean, word: string): string => (on ? word : `NO${word}`);
  return [
    flag(role.login, 'LOGIN'),
    flag(role.superuser, 'SUPERUSER'),
    flag(role.inherit, 'INHERIT'),
    flag(role.createRole, 'CREATEROLE'),
    flag(role.createDatabase, 'CREATEDB'),
    flag(role.replication, 'REPLICATION'),
    flag(role.bypassRowLevelSecurity, 'BYPASSRLS'),
    `CONNECTION LIMIT ${role.connectionLimit}`,
    `VALID UNTIL ${quoteLiteral(role.validUntil)}`,
  ].join(' ');
}

/** Drops the role; one that is gone already is fine, one that still owns something is an error that says what to do. */
export async function dropRole(client: Client, name: string): Promise<void> {
  try {
    await client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(name)}`);
  } catch (error) {
    if (stateOf(error) !== SqlState.dependentObjects) throw error;
    const detail = (error as { detail?: string }).detail ?? '';
    throw new PlatformError(
      'role-in-use',
      `Role ${name} cannot be dropped: it owns objects or has privileges. ${detail}`,
      `Hand them over with \`REASSIGN OWNED BY ${name} TO another\` and \`DROP OWNED BY ${name}\` in every database, then run again.`,
      { object: name, cause: error },
    );
  }
}
