import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { aroundTransactions } from '../connection/client';
import { quoteIdentifier } from '../connection/quote';
import { type Step, step } from '../steps/step';

/** What the account that applies may do. */
export interface Powers {
  name: string;
  superuser: boolean;
  createRole: boolean;
  createDatabase: boolean;
  /** Null: there is no such database. */
  owner: string | null;
  /** It is the database's owner, or a member. */
  ownsDatabase: boolean;
  /** The server has RDS's role for logging in by IAM. */
  hasIam: boolean;
}

/** RDS's: its members log in by IAM tokens, and by nothing else. */
export const IAM_ROLE = 'rds_iam';

const POWERS = `
  SELECT rolname::text AS name, rolsuper AS superuser, rolcreaterole AS "createRole", rolcreatedb AS "createDatabase",
         pg_catalog.pg_get_userbyid(datdba)::text AS owner, coalesce(pg_catalog.pg_has_role(datdba, 'USAGE'), false) AS "ownsDatabase",
         EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${IAM_ROLE}') AS "hasIam"
  FROM pg_catalog.pg_roles LEFT JOIN pg_catalog.pg_database ON datname = $1 WHERE rolname = current_user`;

export async function requirePowers(client: Client, database: string): Promise<Powers> {
  const { rows } = await client.query<Powers>(POWERS, [database]);
  const powers = rows[0];
  if (powers === undefined) throw new Error('The current role is not in pg_roles.');
  if (powers.superuser) return powers;
  const lacks = [
    ...(powers.createRole ? [] : ['CREATEROLE']),
    ...(powers.createDatabase || powers.owner !== null ? [] : ['CREATEDB']),
  ];
  const account = quoteIdentifier(powers.name);
  if (lacks.length > 0)
    throw new PlatformError(
      'master-powerless',
      `Role ${powers.name}, which applies the declaration, lacks ${lacks.join(' and ')}.`,
      `Log in as the master user of the instance, or give it to this one as a role that has it: ALTER ROLE ${account} ${lacks.join(' ')};`,
      { object: powers.name },
    );
  if (powers.owner !== null && !powers.ownsDatabase)
    throw new PlatformError(
      'master-powerless',
      `Database ${database} belongs to ${powers.owner}; role ${powers.name}, which applies the declaration, has to own it.`,
      `As ${powers.owner}, who has to be a member of ${powers.name} for it: ALTER DATABASE ${quoteIdentifier(database)} OWNER TO ${account};`,
      { object: database },
    );
  return powers;
}

/** Of the named roles, those whose rights the account has not, or that it cannot become, but could give itself. */
const LACKING = `
  SELECT rolname::text AS name FROM pg_catalog.pg_roles
  WHERE rolname = ANY ($1) AND NOT rolsuper AND current_user = session_user AND rolname <> current_user
    AND NOT (pg_catalog.pg_has_role(oid, 'USAGE') AND pg_catalog.pg_has_role(oid, $2))
    AND ($2 = 'MEMBER' OR pg_catalog.pg_has_role(oid, 'MEMBER WITH ADMIN OPTION'))
  ORDER BY 1`;

async function lacking(client: Client, roles: readonly string[]): Promise<{ names: string[]; options: string }> {
  // From 16 on a membership may come without the right to become the role, as that of a role's creator does.
  const { rows: majors } = await client.query<{ later: boolean }>(
    `SELECT current_setting('server_version_num')::int >= 160000 AS later`,
  );
  const later = majors[0]?.later === true;
  const { rows } = await client.query<{ name: string }>(LACKING, [roles, later ? 'SET' : 'MEMBER']);
  return { names: rows.map(({ name }) => name), options: later ? ' WITH INHERIT TRUE, SET TRUE' : '' };
}

/**
 * A superuser acts for every role; a master has to be a member. In each transaction it makes itself one and gives it back before the commit,
 * so nobody ever sees it: a member of a role of `rds_iam` could not log in by password any more.
 */
export function borrowMemberships(client: Client, roles: readonly string[]): void {
  aroundTransactions(client, async () => {
    const { names, options } = await lacking(client, roles);
    if (names.length === 0) return () => Promise.resolve();
    const list = names.map(quoteIdentifier).join(', ');
    await client.query(`GRANT ${list} TO CURRENT_USER${options}`);
    return () => client.query(`REVOKE ${list} FROM CURRENT_USER`);
  });
}

/**
 * The master as a lasting member of roles that nobody logs in as: the trail's guard runs as the master and has to reach the trail and the tables' triggers,
 * and indexes are built outside any transaction. As their creator it could make itself one at any time.
 */
export async function joinOwners(client: Client, roles: readonly string[]): Promise<Step[]> {
  const { names, options } = await lacking(client, roles);
  const steps = names.map((name) =>
    step(`grant ${name} to the administrator`, `GRANT ${quoteIdentifier(name)} TO CURRENT_USER${options}`),
  );
  for (const sql of steps.flatMap((one) => one.sql)) await client.query(sql);
  return steps;
}
