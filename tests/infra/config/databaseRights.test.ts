import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { databaseSpec } from '../../../infra/config/databaseSpec';
import { parseSettings } from '../../../infra/config/parse';
import { withClient } from '../../../postgres/connection/client';
import { qualified, quoteIdentifier, quoteLiteral } from '../../../postgres/connection/quote';
import { SqlState } from '../../../postgres/connection/sqlstate';
import type { DatabaseSpec, GrantSpec } from '../../../postgres/spec';
import { codeOf } from '../../../system/errors';
import { freshDatabase, type TestDatabase } from '../../support/database';

const suffix = randomBytes(4).toString('hex');
const PASSWORD = 'test';

/** The spec as SQL: what the providers do with it, in the fewest words. */
function sqlOf(spec: DatabaseSpec, database: string): string[] {
  const who = (role: string): string => (role === 'public' ? 'PUBLIC' : quoteIdentifier(role));
  const on = ({ objectType, schema = '' }: GrantSpec): string => {
    if (objectType === 'database') return `DATABASE ${quoteIdentifier(database)}`;
    if (objectType === 'schema') return `SCHEMA ${quoteIdentifier(schema)}`;
    return `ALL ${objectType.toUpperCase()}S IN SCHEMA ${quoteIdentifier(schema)}`;
  };
  return [
    ...spec.roles.map(
      ({ name, login, inherit, connectionLimit }) =>
        `CREATE ROLE ${quoteIdentifier(name)} ${login ? 'LOGIN' : 'NOLOGIN'} ${inherit ? 'INHERIT' : 'NOINHERIT'} PASSWORD ${quoteLiteral(PASSWORD)} CONNECTION LIMIT ${connectionLimit}`,
    ),
    ...spec.roles.flatMap(({ name, memberOf }) =>
      memberOf.map((group) => `GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)}`),
    ),
    ...spec.roles.flatMap(({ name, assumeRole }) =>
      assumeRole === undefined ? [] : [`ALTER ROLE ${quoteIdentifier(name)} SET role = ${quoteIdentifier(assumeRole)}`],
    ),
    ...spec.schemas.map(
      ({ name, owner }) => `ALTER SCHEMA ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(owner)}`,
    ),
    ...spec.grants.flatMap((grant) => [
      `REVOKE ALL ON ${on(grant)} FROM ${who(grant.role)}`,
      ...(grant.privileges.length === 0
        ? []
        : [`GRANT ${grant.privileges.join(', ')} ON ${on(grant)} TO ${who(grant.role)}`]),
    ]),
    ...spec.defaultPrivileges.map(
      ({ owner, role, schema, objectType, privileges }) =>
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)} IN SCHEMA ${quoteIdentifier(schema)} GRANT ${privileges.join(', ')} ON ${objectType.toUpperCase()}S TO ${who(role)}`,
    ),
  ];
}

describe('the rights the description gives', () => {
  let base: TestDatabase;
  let spec: DatabaseSpec;
  const nameOf = (purpose: string): string => spec.roles.find((role) => role.purpose === purpose)?.name ?? '';
  /** A client of anybody, not a session of the platform's own. */
  const as = async <T>(purpose: string, sql: string): Promise<T[]> => {
    const client = new Client({ ...base.target, user: nameOf(purpose), password: PASSWORD });
    try {
      await client.connect();
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  };
  const refused = async (purpose: string, sql: string): Promise<string | undefined> =>
    as(purpose, sql).then(() => 'allowed', codeOf);

  beforeAll(async () => {
    base = await freshDatabase('rights');
    const name = (role: string): { name: string } => ({ name: `${role}_${suffix}` });
    const { settings, problems } = parseSettings(
      {
        roles: {
          owner: name('owner'),
          migrator: name('migrator'),
          loader: name('loader'),
          application: name('application'),
          readOnly: name('readonly'),
          monitor: name('monitor'),
          auditor: name('auditor'),
          backup: name('backup'),
          auditOwner: name('audit_owner'),
        },
      },
      'local',
    );
    if (settings === undefined) throw new Error(JSON.stringify(problems));
    spec = databaseSpec(settings, { projectRoot: '/project' });
    for (const statement of sqlOf(spec, base.target.database)) await base.client.query(statement);
    await as('migrator', 'CREATE TABLE "Student" (id serial PRIMARY KEY, name text)');
  });
  afterAll(async () => {
    await base.client.query('DROP TABLE IF EXISTS "Student"');
    await base.client.query('ALTER SCHEMA public OWNER TO pg_database_owner');
    for (const { name } of spec.roles) await base.client.query(`DROP OWNED BY ${quoteIdentifier(name)}`);
    for (const { name } of spec.roles) await base.client.query(`DROP ROLE ${quoteIdentifier(name)}`);
    await base.drop();
  });

  it('let the migrator make tables that belong to the owner', async () => {
    expect(await as('migrator', `SELECT tableowner FROM pg_tables WHERE tablename = 'Student'`)).toEqual([
      { tableowner: spec.owner },
    ]);
  });

  it('let the migrator begin as many histories do, and not drop the database', async () => {
    for (const sql of ['CREATE SCHEMA IF NOT EXISTS public', 'CREATE EXTENSION citext', 'CREATE TEMPORARY TABLE t ()'])
      expect([await refused('migrator', sql), sql]).toEqual(['allowed', sql]);
    const { database } = base.target;
    const owner = withClient({ ...base.target, database: 'postgres' }, async (client) => {
      await client.query(`SET ROLE ${quoteIdentifier(spec.owner)}`);
      await client.query(`DROP DATABASE ${quoteIdentifier(database)}`);
    });
    await expect(owner).rejects.toMatchObject({ code: SqlState.insufficientPrivilege });
  });

  it('let the loader do what the owner may once it is the owner, and nothing before', async () => {
    for (const sql of [
      'SELECT FROM "Student"',
      'TRUNCATE "Student"',
      'CREATE TABLE mine ()',
      'CREATE TEMPORARY TABLE t ()',
    ])
      expect([await refused('loader', sql), sql]).toEqual([SqlState.insufficientPrivilege, sql]);
    const become = `BEGIN; SET LOCAL ROLE ${quoteIdentifier(spec.owner)};`;
    for (const sql of ['TRUNCATE "Student"', 'ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"'])
      expect([await refused('loader', `${become} ${sql}; ROLLBACK`), sql]).toEqual(['allowed', sql]);
  });

  it('let the application read and write rows of tables that came later, and nothing else', async () => {
    expect(await as('application', `INSERT INTO "Student" (name) VALUES ('Ana') RETURNING id`)).toEqual([{ id: 1 }]);
    await as('application', `UPDATE "Student" SET name = 'Eva'`);
    expect(await as('application', 'SELECT name FROM "Student"')).toEqual([{ name: 'Eva' }]);
    await as('application', 'DELETE FROM "Student"');
    for (const sql of [
      'CREATE TABLE mine (id int)',
      'CREATE TEMPORARY TABLE mine (id int)',
      'CREATE SCHEMA mine',
      'TRUNCATE "Student"',
      'DROP TABLE "Student"',
      'ALTER TABLE "Student" ADD COLUMN x int',
      'CREATE INDEX ON "Student" (name)',
      'ALTER TABLE "Student" DISABLE TRIGGER ALL',
      `SET ROLE ${quoteIdentifier(spec.owner)}`,
      'CREATE ROLE someone',
      `ALTER SYSTEM SET work_mem = '1GB'`,
    ]) {
      expect([await refused('application', sql), sql]).toEqual([SqlState.insufficientPrivilege, sql]);
    }
    const owned = await base.client.query('SELECT 1 FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = $2', [
      quoteIdentifier(nameOf('application')),
      'o',
    ]);
    expect(owned.rows).toEqual([]);
  });

  it('let the read-only role read', async () => {
    expect(await refused('readOnly', 'SELECT * FROM "Student"')).toBe('allowed');
    expect(await refused('readOnly', 'SELECT last_value FROM "Student_id_seq"')).toBe('allowed');
    for (const sql of [
      `INSERT INTO "Student" VALUES (9)`,
      'DELETE FROM "Student"',
      `SELECT nextval('"Student_id_seq"')`,
    ]) {
      expect([await refused('readOnly', sql), sql]).toEqual([SqlState.insufficientPrivilege, sql]);
    }
  });

  it('let the monitor see statistics of everybody, and no rows', async () => {
    const [row] = await as<{ all: boolean }>('monitor', `SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS all`);
    expect(row?.all).toBe(true);
    expect(await refused('monitor', 'SELECT * FROM public."Student"')).toBe(SqlState.insufficientPrivilege);
  });

  it('let the auditor connect, and see no row of the application', async () => {
    expect(await refused('auditor', 'SELECT 1')).toBe('allowed');
    expect(await refused('auditor', `SELECT * FROM ${qualified('public', 'Student')}`)).toBe(
      SqlState.insufficientPrivilege,
    );
  });

  it('keep owners from logging in, and roles of other databases from connecting', async () => {
    expect(await refused('owner', 'SELECT 1')).toBe(SqlState.invalidAuthorization);
    expect(await refused('auditOwner', 'SELECT 1')).toBe(SqlState.invalidAuthorization);
    const stranger = `stranger_${suffix}`;
    await base.client.query(`CREATE ROLE ${quoteIdentifier(stranger)} LOGIN PASSWORD ${quoteLiteral(PASSWORD)}`);
    try {
      const connecting = withClient({ ...base.target, user: stranger, password: PASSWORD }, () =>
        Promise.resolve('connected'),
      );
      await expect(connecting).rejects.toMatchObject({ cause: { code: SqlState.insufficientPrivilege } });
    } finally {
      await base.client.query(`DROP ROLE ${quoteIdentifier(stranger)}`);
    }
  });
});
