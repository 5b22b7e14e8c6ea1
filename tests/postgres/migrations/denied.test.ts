import { afterAll, beforeAll, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { createHistory, readHistory, readPowers } from '../../../postgres/migrations/history';
import { planMigrations } from '../../../postgres/migrations/plan';
import { assumeRole } from '../../../postgres/migrations/session';
import type { MigrationPlan } from '../../../postgres/migrations/types';
import { deploy, migrationFolder, options, problemOf, removeFolders, type Stage, stage } from './support';

let place: Stage;
const NAME = '20250101000000_denied';

beforeAll(async () => {
  place = await stage('migrations_denied');
  const { database, owner } = place;
  const name = database.target.database;
  await database.client.query(
    `ALTER DATABASE ${name} OWNER TO CURRENT_USER; GRANT CREATE ON DATABASE ${name} TO ${owner};
     ALTER SCHEMA public OWNER TO ${owner}; CREATE EXTENSION pg_trgm; CREATE SCHEMA foreign_schema;
     CREATE ROLE ${owner}_other; CREATE FUNCTION switched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
  );
  await place.client.query(`SET ROLE ${owner}; CREATE TABLE t (id int PRIMARY KEY, x int REFERENCES t);
     CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; CREATE EXTENSION hstore`);
  await createHistory(place.client, 'public');
  await place.client.query('RESET ROLE');
});
afterAll(async () => {
  await place.database.client.query(`DROP ROLE ${place.owner}_other`);
  await place.close();
  removeFolders();
});

/** As `deploy --dry-run` and a preview plan it; as the role migrations run as. */
async function planned(sql: string): Promise<MigrationPlan> {
  const directory = migrationFolder({ [NAME]: sql });
  return withClient(
    { ...place.target },
    async (client) => {
      await assumeRole(client, 'public', options(place.owner), false);
      const history = { ...(await readHistory(client)), otherTables: [], powers: await readPowers(client) };
      return planMigrations(readMigrationFolder(directory), history);
    },
    { session: 'script' },
  );
}

/** As it ends where nothing planned it with the role's powers. */
const failed = (sql: string): ReturnType<typeof problemOf> =>
  problemOf(() => deploy(place, migrationFolder({ [NAME]: sql }), {}));

const beforehand: readonly (readonly [sql: string, what: string, remedy: RegExp])[] = [
  ['CREATE EXTENSION IF NOT EXISTS "pageinspect"', 'CREATE EXTENSION', /coach:extensions/],
  ['CREATE EXTENSION pg_buffercache WITH SCHEMA public', 'CREATE EXTENSION', /coach:extensions/],
  ['CREATE EXTENSION file_fdw', 'CREATE EXTENSION', /coach:extensions/],
  [`COMMENT ON EXTENSION pg_trgm IS 'x'`, 'COMMENT ON EXTENSION', /coach:extensions.* psql --role postgres/s],
  ['ALTER EXTENSION pg_trgm SET SCHEMA foreign_schema', 'ALTER EXTENSION', /coach:extensions/],
  ['DROP EXTENSION IF EXISTS pg_trgm', 'DROP EXTENSION', /coach:extensions/],
  ['CREATE ROLE denied_role', 'CREATE ROLE', /coach:roles.* psql --role postgres/s],
  ['create user denied_user', 'CREATE USER', /coach:roles/],
  ['DROP ROLE pg_monitor', 'DROP ROLE', /coach:roles/],
  [`ALTER SYSTEM SET work_mem = '8MB'`, 'ALTER SYSTEM', /coach:parameters/],
  [`ALTER DATABASE :db SET search_path = 'x'`, 'ALTER DATABASE ... SET', /coach:parameters/],
  ['ALTER DATABASE :db RENAME TO other', 'ALTER DATABASE ... RENAME TO', /coach:database\.name/],
  ['ALTER DATABASE :db CONNECTION LIMIT 5', 'ALTER DATABASE', /psql --role postgres/],
  [`COMMENT ON DATABASE :db IS 'x'`, 'COMMENT ON DATABASE', /No setting does it.* psql --role postgres/s],
  ['CREATE DATABASE denied_db', 'CREATE DATABASE', /coach:database\.name/],
  [
    'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION switched()',
    'CREATE EVENT TRIGGER',
    /No setting does it/,
  ],
  [`COPY t FROM PROGRAM 'true'`, 'COPY with a file or program of the server', /INSERT/],
  [`COPY (SELECT 1) TO '/tmp/denied.csv'`, 'COPY with a file or program of the server', /INSERT/],
  ['CREATE LANGUAGE plx HANDLER switched', 'CREATE LANGUAGE', /No setting does it/],
  [
    `CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)`,
    'CREATE SUBSCRIPTION',
    /No setting/,
  ],
  ['CREATE PUBLICATION p FOR ALL TABLES', 'CREATE PUBLICATION of whole schemas', /No setting/],
  ['CREATE FOREIGN DATA WRAPPER w', 'CREATE FOREIGN DATA WRAPPER', /No setting/],
  [`CREATE TABLESPACE ts LOCATION '/tmp'`, 'CREATE TABLESPACE', /No setting/],
  ['CREATE OPERATOR FAMILY of USING btree', 'CREATE OPERATOR FAMILY', /No setting/],
  [`CREATE FUNCTION c() RETURNS int LANGUAGE c AS 'x', 'y'`, 'a function in an untrusted language', /No setting/],
];

/** Only the server can tell. */
const afterwards: readonly (readonly [sql: string, what: string, remedy: RegExp])[] = [
  ['ALTER ROLE :owner_other CONNECTION LIMIT 3', 'ALTER ROLE', /coach:roles/],
  [`ALTER ROLE :owner_other SET work_mem = '1MB'`, 'ALTER ROLE', /coach:roles/],
  ['GRANT pg_monitor TO :owner', 'GRANT', /coach:roles/],
  ['ALTER FUNCTION f() OWNER TO :owner_other', 'OWNER TO', /coach:roles\.owner.* `coach:schemas`/s],
  ['ALTER TABLE t OWNER TO :owner_other', 'OWNER TO', /coach:roles\.owner/],
  ['CREATE SCHEMA s2 AUTHORIZATION :owner_other', 'CREATE SCHEMA ... AUTHORIZATION', /coach:schemas/],
  ['DROP SCHEMA foreign_schema', 'DROP SCHEMA', /coach:schemas/],
  [
    'ALTER DEFAULT PRIVILEGES FOR ROLE :owner_other GRANT SELECT ON TABLES TO PUBLIC',
    'ALTER DEFAULT PRIVILEGES',
    /coach:schemas/,
  ],
  ['SET ROLE :owner_other', 'SET ROLE', /coach:roles\.owner/],
  ['SET session_replication_role = replica', 'SET', /coach:parameters/],
  ['ALTER TABLE t DISABLE TRIGGER ALL', 'DISABLE TRIGGER', /DISABLE TRIGGER USER/],
  ['DROP OWNED BY :owner_other', 'DROP OWNED', /psql --role postgres/],
  ['DO $$ BEGIN IF true THEN CREATE ROLE denied_role; END IF; END $$', 'CREATE ROLE', /coach:roles/],
  [`DO $$ BEGIN EXECUTE 'COMMENT ON DATABASE :db IS NULL'; END $$`, 'COMMENT ON DATABASE', /No setting/],
];

const named = (text: string): string =>
  text.replaceAll(':db', place.database.target.database).replaceAll(':owner', place.owner);

it.each(beforehand)('the plan names %s', async (sql, what, remedy) => {
  const { problems } = await planned(`CREATE TABLE fine (id int);\n${named(sql)};\n`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'migration-denied', object: expect.stringContaining(NAME) as string });
  expect(problems[0]?.message).toContain(`line 2, column 1: ${what} would fail: `);
  expect(problems[0]?.remedy).toMatch(remedy);
  expect(problems[0]?.remedy).toContain(`deploy --applied ${NAME}`);
});

it.each([...beforehand, ...afterwards])('the failure names %s', async (sql, what, remedy) => {
  const problem = await failed(named(`${sql};\n`));
  expect(problem.code).toBe('migration-failed');
  expect(problem.message).toMatch(/42501/);
  expect(problem.message).toContain(`\n${what}: `);
  expect(problem.remedy).toMatch(remedy);
  expect(problem.remedy).toContain(`deploy --applied ${NAME}`);
  await place.database.client.query('DELETE FROM _prisma_migrations');
});

it.each([
  'CREATE EXTENSION IF NOT EXISTS citext',
  'CREATE EXTENSION IF NOT EXISTS pg_trgm',
  `COMMENT ON EXTENSION hstore IS 'x'`,
  'CREATE LANGUAGE plpgsql2 /* not known here: the server says so */',
  `DO $$ BEGIN CREATE ROLE x; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$`,
  'ALTER ROLE CURRENT_USER SET work_mem = 64',
  'CREATE USER MAPPING FOR CURRENT_USER SERVER s',
  'GRANT SELECT ON t TO PUBLIC',
  'COPY t TO STDOUT',
  'CREATE PUBLICATION p FOR TABLE t',
  `INSERT INTO t VALUES (1) /* CREATE ROLE x */`,
  `SELECT 'ALTER SYSTEM'`,
])('the plan lets %s pass', async (sql) => {
  expect((await planned(`${sql};\n`)).problems).toEqual([]);
});

it('a role that may more is not held back', async () => {
  await place.database.client.query(
    `ALTER ROLE ${place.owner} CREATEROLE; GRANT pg_read_server_files TO ${place.owner}`,
  );
  expect((await planned(`CREATE ROLE x; COPY t FROM '/tmp/x';`)).problems).toEqual([]);
  await place.database.client.query(
    `ALTER ROLE ${place.owner} NOCREATEROLE; REVOKE pg_read_server_files FROM ${place.owner}`,
  );
});
