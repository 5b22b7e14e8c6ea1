import type { Client } from 'pg';

import { quoteIdentifier } from '../connection/quote';
import { type Step, step } from '../steps/step';

interface Options {
  role: string;
  member: string;
  grantor: string;
  /** The member's INHERIT. */
  inherits: boolean;
  differs: boolean;
}

/** PostgreSQL 16 gave every membership options of its own; before, there is nothing to compare. */
const OPTIONS = `
  SELECT g.rolname AS role, r.rolname AS member, w.rolname AS grantor, r.rolinherit AS inherits,
         NOT (o.options ->> 'set_option')::boolean OR (o.options ->> 'inherit_option')::boolean <> r.rolinherit AS differs
  FROM pg_catalog.pg_auth_members m CROSS JOIN LATERAL pg_catalog.to_jsonb(m) AS o(options)
  JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member JOIN pg_catalog.pg_roles w ON w.oid = m.grantor
  WHERE r.rolname = ANY ($1) AND o.options ? 'set_option' ORDER BY 2, 1, 3`;

/**
 * What brings memberships of these roles to what GRANT alone gives: SET ROLE works, and rights are inherited as the role's INHERIT says. Whether
 * they are members, and the option to grant on, is each role's own business.
 */
export async function membershipOptionSteps(client: Client, roles: readonly string[]): Promise<Step[]> {
  const { rows } = await client.query<Options>(OPTIONS, [roles]);
  return rows
    .filter(({ differs }) => differs)
    .map(({ role, member, grantor, inherits }) => {
      const options = `SET TRUE, INHERIT ${inherits ? 'TRUE' : 'FALSE'}`;
      return step(
        `membership of ${member} in ${role}: ${options}`,
        `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)} WITH ${options} GRANTED BY ${quoteIdentifier(grantor)}`,
      );
    });
}
