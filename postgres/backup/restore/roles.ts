import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../../connection/quote';
import type { DescribedRole, Description } from '../description';

/** Makes the roles of a backup that the server lacks, without passwords: `up` sets those of the declared ones. Returns their names. */
export async function makeMissingRoles(client: Client, { roles }: Description): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
  const present = new Set(rows.map(({ name }) => name));
  const missing = roles.filter(({ name }) => !present.has(name));
  const statements = [...missing.map(createRole), ...missing.flatMap(finishRole)];
  if (statements.length === 0) return [];
  await client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n'));
  return missing.map(({ name }) => name);
}

/** A backup makes nobody a superuser, nor anything that passes row security by. */
function createRole(role: DescribedRole): string {
  const flags = [
    role.login ? 'LOGIN' : 'NOLOGIN',
    role.inherit ? 'INHERIT' : 'NOINHERIT',
    role.createRole ? 'CREATEROLE' : 'NOCREATEROLE',
    role.createDatabase ? 'CREATEDB' : 'NOCREATEDB',
    `CONNECTION LIMIT ${role.connectionLimit}`,
    ...(role.validUntil === null ? [] : [`VALID UNTIL ${quoteLiteral(role.validUntil)}`]),
  ];
  return `CREATE ROLE ${quoteIdentifier(role.name)} ${flags.join(' ')}`;
}

function finishRole({ name, memberOf, settings, comment }: DescribedRole): string[] {
  const role = quoteIdentifier(name);
  return [
    ...memberOf.map(
      ({ role: group, admin }) => `GRANT ${quoteIdentifier(group)} TO ${role}${admin ? ' WITH ADMIN OPTION' : ''}`,
    ),
    ...settings.map((entry) => `ALTER ROLE ${role} ${setClause(entry)}`),
    ...(comment === null ? [] : [`COMMENT ON ROLE ${role} IS ${quoteLiteral(comment)}`]),
  ];
}

/** Parameters whose value is a list of names: the catalog has it as it was written, quoted where it has to be. */
const LISTS = [
  'search_path',
  'temp_tablespaces',
  'session_preload_libraries',
  'local_preload_libraries',
  'DateStyle',
  'unix_socket_directories',
];

/** `search_path=a, b` as SET takes it. */
export function setClause(entry: string): string {
  const at = entry.indexOf('=');
  const [name, value] = [entry.slice(0, at), entry.slice(at + 1)];
  const parameter = name.split('.').map(quoteIdentifier).join('.');
  if (!LISTS.includes(name)) return `SET ${parameter} TO ${quoteLiteral(value)}`;
  const items = [...value.matchAll(/\s*("(?:[^"]|"")*"|[^,]+?)\s*(?:,|$)/g)].map(([, item = '']) =>
    item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item,
  );
  return `SET ${parameter} TO ${items.length === 0 ? `''` : items.map(quoteLiteral).join(', ')}`;
}
