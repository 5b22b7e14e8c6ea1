import { createHash } from 'node:crypto';

import type { Client } from 'pg';

import { grantee, quoteIdentifier, quoteLiteral } from '../../connection/quote';
import type { DescribedDatabase } from '../description';
import type { Administrator } from './administrator';
import { setClause } from './roles';

/** Longest name PostgreSQL takes, in bytes. */
const NAME_BYTES = 63;

/** `inclusive_ai_before_20261126T101500Z`; where that is too long, cut in its first part, with a hash of it that tells long names apart that begin alike. */
export function datedName(database: string, purpose: string, at: Date): string {
  const suffix = `_${purpose}_${at.toISOString().replace(/\.\d+|[-:]/g, '')}`;
  if (Buffer.byteLength(database + suffix) <= NAME_BYTES) return database + suffix;
  const marked = `_${createHash('sha256').update(database).digest('hex').slice(0, 8)}${suffix}`;
  const characters = [...database];
  while (Buffer.byteLength(characters.join('') + marked) > NAME_BYTES) characters.pop();
  return characters.join('') + marked;
}

/** Whether `datedName` gave this name, at whatever time. */
export function isDatedName(name: string, database: string, purpose: string): boolean {
  const [, date] = /_(\d{8}T\d{6}Z)$/.exec(name) ?? [];
  if (date === undefined) return false;
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const at = new Date(iso);
  return !Number.isNaN(at.getTime()) && datedName(database, purpose, at) === name;
}

/**
 * An empty database like the one of the backup, into which nobody but an administrator gets: with a limit from its first moment (`closedLimit`), and nothing
 * granted to anybody.
 */
export async function createClosed(
  client: Client,
  name: string,
  from: DescribedDatabase,
  limit: number,
): Promise<void> {
  const database = quoteIdentifier(name);
  const locale =
    from.provider === 'c'
      ? [`LC_COLLATE ${quoteLiteral(from.collate)}`, `LC_CTYPE ${quoteLiteral(from.ctype)}`]
      : [
          `LOCALE_PROVIDER ${from.provider === 'i' ? 'icu' : 'builtin'}`,
          `LC_COLLATE ${quoteLiteral(from.collate)}`,
          `LC_CTYPE ${quoteLiteral(from.ctype)}`,
          ...(from.locale === null
            ? []
            : [`${from.provider === 'i' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${quoteLiteral(from.locale)}`]),
        ];
  const options = [
    'TEMPLATE template0',
    `ENCODING ${quoteLiteral(from.encoding)}`,
    ...locale,
    `CONNECTION LIMIT ${limit}`,
  ];
  await client.query(`CREATE DATABASE ${database} ${options.join(' ')}`);
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
}

/**
 * What pg_restore says nothing of, but the limit, which keeps everybody out until the swap. Who is no superuser keeps the database: it could neither give
 * it away nor rename it then.
 */
export function propertyStatements(name: string, from: DescribedDatabase, { superuser }: Administrator): string[] {
  const database = quoteIdentifier(name);
  const grants = new Map<string, string[]>();
  for (const { grantee: to, privilege, grantable } of from.grants) {
    // The owner has its own by owning.
    const key = JSON.stringify([to, grantable]);
    grants.set(key, [...(grants.get(key) ?? []), privilege]);
  }
  return [
    ...(superuser ? [`ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(from.owner)}`] : []),
    ...[...grants].map(([key, privileges]) => {
      const [to, grantable] = JSON.parse(key) as [string, boolean];
      return `GRANT ${privileges.join(', ')} ON DATABASE ${database} TO ${grantee(to)}${grantable ? ' WITH GRANT OPTION' : ''}`;
    }),
    ...from.settings.flatMap(({ role, entries }) =>
      entries.map((entry) =>
        role === null
          ? `ALTER DATABASE ${database} ${setClause(entry)}`
          : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${database} ${setClause(entry)}`,
      ),
    ),
    ...(from.comment === null ? [] : [`COMMENT ON DATABASE ${database} IS ${quoteLiteral(from.comment)}`]),
  ];
}
