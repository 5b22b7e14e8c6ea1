import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { applyPrivileges, privilegeSteps } from '../../../postgres/privileges/apply';
import type { PrivilegesSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from '../roles/support';

const roles = new TestRoles();
const [owner, app, reader, migrator] = ['pv_owner', 'pv_app', 'pv_reader', 'pv_migrator'].map((base) =>
  roles.name(base),
) as [string, string, string, string];
const [guest, chief] = [roles.name('pv_guest'), roles.name('pv_chief')];

const SPEC: PrivilegesSpec = {
  roles: [owner, app, reader, migrator],
  schemas: ['public'],
  grants: [
    { role: 'public', objectType: 'database', objects: [], privileges: [] },
    { role: app, objectType: 'database', objects: [], privileges: ['CONNECT'] },
    { role: owner, objectType: 'database', objects: [], privileges: ['CREATE'] },
    { role: 'public', objectType: 'schema', schema: 'public', objects: [], privileges: ['USAGE'] },
    { role: app, objectType: 'schema', schema: 'public', objects: [], privileges: ['USAGE'] },
    { role: app, objectType: 'table', schema: 'public', objects: [], privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { role: app, objectType: 'sequence', schema: 'public', objects: [], privileges: ['USAGE'] },
    { role: reader, objectType: 'table', schema: 'public', objects: [], privileges: ['SELECT'] },
    { role: reader, objectType: 'function', schema: 'public', objects: ['shown'], privileges: ['EXECUTE'] },
  ],
  defaultPrivileges: [{ owner, role: app, schema: 'public', objectType: 'table', privileges: ['SELECT'] }],
  trail: 'trail',
};

let base: TestDatabase;
const run = (sql: string): Promise<unknown> => base.client.query(sql);

/** Everything that PUBLIC or one of the roles holds on what another one owns. */
async function lists(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT format('%s %s', what, item) AS line FROM (
       SELECT pg_describe_object('pg_class'::regclass, oid, 0) AS what, relacl AS acl FROM pg_class
       UNION ALL SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum), attacl FROM pg_attribute
       UNION ALL SELECT pg_describe_object('pg_proc'::regclass, oid, 0), coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
       UNION ALL SELECT pg_describe_object('pg_namespace'::regclass, oid, 0), nspacl FROM pg_namespace
       UNION ALL SELECT pg_describe_object('pg_type'::regclass, oid, 0), coalesce(typacl, acldefault('T', typowner)) FROM pg_type
       UNION ALL SELECT pg_describe_object('pg_language'::regclass, oid, 0), coalesce(lanacl, acldefault('l', lanowner)) FROM pg_language
       UNION ALL SELECT pg_describe_object('pg_foreign_server'::regclass, oid, 0), srvacl FROM pg_foreign_server
       UNION ALL SELECT pg_describe_object('pg_foreign_data_wrapper'::regclass, oid, 0), fdwacl FROM pg_foreign_data_wrapper
       UNION ALL SELECT oid::text, lomacl FROM pg_largeobject_metadata
       UNION ALL SELECT 'parameter ' || parname, paracl FROM pg_parameter_acl
       UNION ALL SELECT 'tablespace ' || spcname, spcacl FROM pg_tablespace
       UNION ALL SELECT 'database', datacl FROM pg_database WHERE datname = current_database()
       UNION ALL SELECT format('later %s of %s in %s', defaclobjtype, defaclrole::regrole, defaclnamespace), defaclacl FROM pg_default_acl) a
     CROSS JOIN LATERAL unnest(acl) AS item
     WHERE (item::text LIKE '=%' OR item::text LIKE '%${roles.suffix}%=%') AND split_part(item::text, '=', 1) <> split_part(item::text, '/', 2)
     ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}

beforeAll(async () => {
  base = await freshDatabase('privileges');
  await run(`CREATE ROLE ${owner}; CREATE ROLE ${app} LOGIN; CREATE ROLE ${reader} LOGIN; CREATE ROLE ${migrator} LOGIN;
    CREATE ROLE ${guest}; CREATE ROLE ${chief} SUPERUSER; GRANT ${owner} TO ${migrator};
    ALTER SCHEMA public OWNER TO ${owner}; GRANT USAGE ON SCHEMA public TO ${app};
    REVOKE ALL ON DATABASE ${base.target.database} FROM PUBLIC; GRANT CONNECT ON DATABASE ${base.target.database} TO ${app};
    GRANT CREATE ON DATABASE ${base.target.database} TO ${owner};
    CREATE EXTENSION pg_stat_statements; CREATE SCHEMA trail; CREATE TABLE trail.log (id int, seen text);
    CREATE SCHEMA mine AUTHORIZATION ${guest}; CREATE TABLE mine.notes (); ALTER TABLE mine.notes OWNER TO ${guest};
    GRANT USAGE ON SCHEMA mine TO PUBLIC; GRANT SELECT ON mine.notes TO PUBLIC;
    SET ROLE ${owner};
    CREATE TABLE "User" (id serial PRIMARY KEY, email text, name text);
    CREATE TABLE _prisma_migrations (id text);
    CREATE VIEW adults AS SELECT * FROM "User";
    CREATE FUNCTION hidden(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
    CREATE FUNCTION shown() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1';
    CREATE TYPE mood AS ENUM ('good');
    ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public GRANT SELECT ON TABLES TO ${app};
    RESET ROLE`);
  await applyPrivileges(base.client, SPEC);
});
afterAll(async () => {
  await run(`RESET ROLE; SELECT lo_unlink(oid) FROM pg_largeobject_metadata`);
  await roles.drop(base.client);
  await base.drop();
});

describe('what was declared', () => {
  it('is what each role holds: on the application’s tables, and nothing on Prisma’s and an extension’s', async () => {
    const { rows } = await base.client.query(
      `SELECT has_table_privilege('${app}', '"User"', 'SELECT, INSERT, UPDATE') AS tables, has_table_privilege('${app}', 'adults', 'SELECT') AS views,
        has_table_privilege('${app}', '"User"', 'DELETE') AS more, has_sequence_privilege('${app}', '"User_id_seq"', 'USAGE') AS sequences,
        has_table_privilege('${reader}', '"User"', 'SELECT') AS reader, has_function_privilege('${reader}', 'shown()', 'EXECUTE') AS named,
        has_table_privilege('${app}', '_prisma_migrations', 'SELECT, INSERT, UPDATE, DELETE') AS history,
        has_table_privilege('${app}', 'pg_stat_statements', 'INSERT, UPDATE, DELETE') AS extension,
        has_table_privilege('${app}', 'pg_stat_statements', 'SELECT') AS "byExtension"`,
    );
    expect(rows[0]).toEqual({
      tables: true,
      views: true,
      more: false,
      sequences: true,
      reader: true,
      named: true,
      history: false,
      extension: false,
      // Granted to everybody by the extension's own script.
      byExtension: true,
    });
    expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
  });

  it('leaves what others made and declare for themselves alone', async () => {
    expect(await lists(base.client)).toContainEqual(expect.stringMatching(/^table mine.notes =r/));
  });

  it('leaves everybody what PostgreSQL gives by itself: Prisma reads information_schema', async () => {
    const { rows } = await base.client.query(
      `SELECT has_schema_privilege('${guest}', 'information_schema', 'USAGE') AS "schema",
        has_table_privilege('${guest}', 'information_schema.columns', 'SELECT') AS "columns",
        has_table_privilege('${guest}', 'pg_catalog.pg_class', 'SELECT') AS "catalog"`,
    );
    expect(rows).toEqual([{ schema: true, columns: true, catalog: true }]);
  });
});

/** Statements by hand, and what the plan says of each. Every one of them is undone. */
const BY_HAND: [string, RegExp][] = [
  [`GRANT UPDATE (email) ON "User" TO ${reader}`, /^revoke UPDATE on column public.User.email from pv_reader/],
  [`GRANT UPDATE (email) ON "User" TO ${app}`, /^revoke UPDATE on column public.User.email from pv_app/],
  [`GRANT UPDATE ON "User" TO PUBLIC`, /^revoke UPDATE on table public.User from public$/],
  [`GRANT SELECT (email) ON "User" TO PUBLIC`, /^revoke SELECT on column public.User.email from public$/],
  [`GRANT USAGE ON SEQUENCE "User_id_seq" TO PUBLIC`, /^revoke USAGE on sequence public.User_id_seq from public$/],
  [`GRANT DELETE, TRUNCATE ON "User" TO ${app}`, /^revoke DELETE, TRUNCATE on table public.User from pv_app/],
  [`GRANT SELECT ON "User" TO ${app} WITH GRANT OPTION`, /^revoke grant option for SELECT on table public.User/],
  [
    `GRANT INSERT, UPDATE, DELETE ON _prisma_migrations TO ${app}`,
    /^revoke DELETE, INSERT, UPDATE on table public._prisma/,
  ],
  [`GRANT SELECT ON _prisma_migrations TO PUBLIC`, /^revoke SELECT on table public._prisma_migrations from public$/],
  [`GRANT INSERT ON pg_stat_statements TO ${app}`, /^revoke INSERT on table public.pg_stat_statements from pv_app/],
  [`GRANT INSERT ON pg_stat_statements TO PUBLIC`, /^revoke INSERT on table public.pg_stat_statements from public$/],
  [
    `GRANT EXECUTE ON FUNCTION hidden(int) TO ${reader}`,
    /^revoke EXECUTE on function hidden\(integer\) from pv_reader/,
  ],
  [`GRANT EXECUTE ON PROCEDURE work() TO ${reader}`, /^revoke EXECUTE on function work\(\) from pv_reader/],
  [
    `GRANT EXECUTE ON FUNCTION pg_read_file(text) TO ${app}`,
    /^revoke EXECUTE on function pg_read_file\(text\) from pv_app/,
  ],
  [
    `GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC`,
    /^revoke EXECUTE on function pg_read_file\(text\) from public$/,
  ],
  [`GRANT SELECT ON pg_authid TO ${reader}`, /^revoke SELECT on table pg_catalog.pg_authid from pv_reader/],
  [
    `GRANT SELECT (rolpassword) ON pg_authid TO PUBLIC`,
    /^revoke SELECT on column pg_catalog.pg_authid.rolpassword from public$/,
  ],
  [`GRANT CREATE ON SCHEMA public TO ${reader}`, /^revoke CREATE on schema public from pv_reader/],
  [`GRANT USAGE ON SCHEMA mine TO ${reader}`, /^revoke USAGE on schema mine from pv_reader/],
  [`GRANT INSERT ON mine.notes TO ${app}`, /^revoke INSERT on table mine.notes from pv_app/],
  [`GRANT SELECT (seen) ON trail.log TO ${reader}`, /^revoke SELECT on column trail.log.seen from pv_reader/],
  [`GRANT TEMPORARY ON DATABASE ${'$db'} TO ${reader}`, /^revoke TEMPORARY on database privileges_\w+ from pv_reader/],
  [`GRANT USAGE ON TYPE mood TO ${reader}`, /^revoke USAGE on type public.mood from pv_reader/],
  [`GRANT USAGE ON LANGUAGE sql TO ${reader}`, /^revoke USAGE on language sql from pv_reader/],
  [`GRANT USAGE ON FOREIGN DATA WRAPPER fdw TO ${reader}`, /^revoke USAGE on foreign data wrapper fdw from pv_reader/],
  [`GRANT USAGE ON FOREIGN SERVER far TO PUBLIC`, /^revoke USAGE on foreign server far from public$/],
  [`GRANT UPDATE ON LARGE OBJECT 4711 TO ${app}`, /^revoke UPDATE on large object 4711 from pv_app/],
  [
    `GRANT SET ON PARAMETER session_replication_role TO ${app}`,
    /^revoke SET on parameter session_replication_role from pv_app/,
  ],
  [`GRANT CREATE ON TABLESPACE pg_default TO ${app}`, /^revoke CREATE on tablespace pg_default from pv_app/],
  [
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT UPDATE ON TABLES TO ${reader}`,
    /^revoke UPDATE on later tables of pv_owner\w+ in any schema from pv_reader/,
  ],
  [
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT SELECT ON TABLES TO PUBLIC`,
    /^revoke SELECT on later tables of pv_owner\w+ in any schema from public$/,
  ],
  [
    `ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC`,
    /later sequences of postgres in any schema from public$/,
  ],
  [
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${guest} IN SCHEMA public GRANT INSERT ON TABLES TO PUBLIC`,
    /later tables of pv_guest\w+ in schema public from public$/,
  ],
  [
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT EXECUTE ON FUNCTIONS TO ${reader} WITH GRANT OPTION`,
    /^revoke EXECUTE on later routines of pv_owner\w+ in any schema from pv_reader/,
  ],
  [
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${guest} GRANT USAGE ON SCHEMAS TO ${app}`,
    /later schemas of pv_guest\w+ in any schema/,
  ],
];

describe('what was granted by hand', () => {
  let before: string[];
  beforeAll(async () => {
    await run(
      `CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER far FOREIGN DATA WRAPPER fdw; SELECT lo_create(4711); GRANT USAGE ON LANGUAGE sql TO PUBLIC`,
    );
    before = await lists(base.client);
  });
  afterEach(async () => {
    // Whatever a failing case left is not the next one's.
    await applyPrivileges(base.client, SPEC).catch(() => undefined);
  });

  it.each(BY_HAND)('%s', async (statement, said) => {
    await run(statement.replace('$db', base.target.database));
    const steps = await privilegeSteps(base.client, SPEC);
    expect(steps.map(({ action }) => action)).toEqual([expect.stringMatching(said)]);
    await applyPrivileges(base.client, SPEC);
    expect(await lists(base.client)).toEqual(before);
    expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
  });

  it('all at once is one plan, and undone by it', async () => {
    for (const [statement] of BY_HAND) await run(statement.replace('$db', base.target.database));
    await applyPrivileges(base.client, SPEC);
    expect(await lists(base.client)).toEqual(before);
  });

  it.each([
    ['a declared role', app],
    ['a role of others', guest],
  ])('is undone where %s handed it on', async (_who, middle) => {
    await run(`GRANT USAGE ON SCHEMA public TO ${guest};
      GRANT SELECT, DELETE ON "User" TO ${middle} WITH GRANT OPTION; SET ROLE ${middle};
      GRANT SELECT, DELETE ON "User" TO ${reader}; GRANT SELECT (name) ON "User" TO ${migrator}; RESET ROLE`);
    const said = (await privilegeSteps(base.client, SPEC)).map(({ action }) => action);
    expect(said).toContainEqual(
      expect.stringMatching(`^revoke DELETE, SELECT on table public.User from ${reader}, granted by ${middle}$`),
    );
    await applyPrivileges(base.client, SPEC);
    expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
    const held = async (role: string): Promise<string> => {
      const { rows } = await base.client.query<{ held: string }>(
        `SELECT concat_ws(' ', has_table_privilege($1, '"User"', 'SELECT'), has_table_privilege($1, '"User"', 'DELETE')) AS held`,
        [role],
      );
      return rows[0]?.held ?? '';
    };
    expect([await held(reader), await held(migrator)]).toEqual(['t f', 't t']);
    // What a role of others holds is its own.
    if (middle === guest) expect(await held(guest)).toBe('t t');
    await run(`REVOKE ALL ON "User" FROM ${guest} CASCADE; REVOKE ALL ON SCHEMA public FROM ${guest}`);
    expect(await lists(base.client)).toEqual(before);
  });

  it('is undone where a declared role handed it on to a role of others', async () => {
    await run(`GRANT USAGE ON SCHEMA public TO ${guest}; GRANT DELETE ON "User" TO ${app} WITH GRANT OPTION;
      SET ROLE ${app}; GRANT DELETE ON "User" TO ${guest}; RESET ROLE`);
    await applyPrivileges(base.client, SPEC);
    const { rows } = await base.client.query(`SELECT has_table_privilege($1, '"User"', 'DELETE') AS deletes`, [guest]);
    expect(rows[0]).toEqual({ deletes: false });
    await run(`REVOKE ALL ON SCHEMA public FROM ${guest}`);
    expect(await lists(base.client)).toEqual(before);
  });

  it('stays where a superuser granted it before it was one, and the remedy is one', async () => {
    await run(`GRANT USAGE ON SCHEMA public TO ${chief}; ALTER ROLE ${chief} NOSUPERUSER; GRANT DELETE ON "User" TO ${chief} WITH GRANT OPTION;
      SET ROLE ${chief}; GRANT DELETE ON "User" TO ${reader}; RESET ROLE; ALTER ROLE ${chief} SUPERUSER`);
    const failure = await failureOf(applyPrivileges(base.client, SPEC));
    expect(failure.code).toBe('not-brought-about');
    expect(failure.message).toMatch(`revoke DELETE on table public.User from ${reader}, granted by ${chief}`);
    const [, statement = ''] = /`(ALTER ROLE [^`]+)`/.exec(failure.remedy) ?? [];
    await run(statement);
    await applyPrivileges(base.client, SPEC);
    await run(`REVOKE ALL ON "User" FROM ${chief} CASCADE; REVOKE ALL ON SCHEMA public FROM ${chief}`);
    expect(await lists(base.client)).toEqual(before);
  });

  it('is undone where whoever handed a column on has lost the option since', async () => {
    await run(`GRANT SELECT ON "User" TO ${app} WITH GRANT OPTION; SET ROLE ${app}; GRANT SELECT (name) ON "User" TO ${reader};
      RESET ROLE; REVOKE GRANT OPTION FOR SELECT ON "User" FROM ${app} CASCADE`);
    expect(await lists(base.client)).not.toEqual(before);
    await applyPrivileges(base.client, SPEC);
    expect(await lists(base.client)).toEqual(before);
  });
});

describe('what was handed over by hand', () => {
  it.each([
    ['TABLE "User"', 'table public.User'],
    ['VIEW adults', 'table public.adults'],
    ['FUNCTION hidden(int)', 'function hidden(integer)'],
    ['PROCEDURE work()', 'function work()'],
    ['TYPE mood', 'type public.mood'],
    ['TYPE pair', 'type public.pair'],
    ['DOMAIN short', 'type public.short'],
    ['SEQUENCE counter', 'sequence public.counter'],
  ])('comes back to the owner: %s', async (object, said) => {
    await run(`SET ROLE ${owner}; DROP TYPE IF EXISTS pair; CREATE TYPE pair AS (a int); DROP DOMAIN IF EXISTS short; CREATE DOMAIN short AS text;
      CREATE SEQUENCE IF NOT EXISTS counter; RESET ROLE`);
    await applyPrivileges(base.client, SPEC);
    const before = await lists(base.client);
    await run(`ALTER ${object} OWNER TO ${app}`);
    expect((await privilegeSteps(base.client, SPEC)).map(({ action }) => action)).toContain(
      `give ${said}, which ${app} owns, to ${owner}`,
    );
    await applyPrivileges(base.client, SPEC);
    expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
    expect(await lists(base.client)).toEqual(before);
    const { rows } = await base.client.query<{ owns: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_shdepend WHERE deptype = 'o' AND refobjid = '${app}'::regrole) AS owns`,
    );
    expect(rows[0]?.owns).toBe(false);
  });

  it('stays where the schema is its own, and with those who are not declared', async () => {
    await run(`CREATE SCHEMA own AUTHORIZATION ${app}; CREATE TABLE own.mine (); ALTER TABLE own.mine OWNER TO ${app};
      CREATE TABLE own.made (); ALTER TABLE own.made OWNER TO ${owner}; CREATE TABLE extra (); ALTER TABLE extra OWNER TO ${guest}`);
    const actions = (await privilegeSteps(base.client, { ...SPEC, schemas: ['public', 'own'] })).map(
      (one) => one.action,
    );
    expect(actions.filter((action) => action.startsWith('give'))).toEqual([]);
    await run(`DROP SCHEMA own CASCADE; DROP TABLE extra`);
  });
});

describe('what was taken by hand', () => {
  it.each([
    [`REVOKE INSERT ON "User" FROM ${app}`, /^grant INSERT on table public.User to pv_app/],
    [
      `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${reader}`,
      /^grant SELECT on tables public.User, public.adults to/,
    ],
    [`REVOKE ALL ON FUNCTION shown() FROM ${reader}`, /^grant EXECUTE on function shown\(\) to pv_reader/],
    [`REVOKE UPDATE, DELETE ON "User" FROM ${owner}`, /^grant DELETE, UPDATE on table public.User to pv_owner/],
  ])('%s', async (statement, said) => {
    await run(statement);
    expect((await privilegeSteps(base.client, SPEC)).map(({ action }) => action)).toEqual([
      expect.stringMatching(said),
    ]);
    await applyPrivileges(base.client, SPEC);
    expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
  });
});

it('asks the catalog as often for many tables as for few', async () => {
  const queries: string[] = [];
  const counting = new Proxy(base.client, {
    get: (target, key) =>
      key === 'query'
        ? (text: string, values: unknown[]) => {
            queries.push(text);
            return target.query(text, values);
          }
        : (Reflect.get(target, key) as unknown),
  });
  await privilegeSteps(counting, SPEC);
  const few = queries.splice(0).length;
  await run(
    `SET ROLE ${owner}; DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE many_%s ()', i); END LOOP; END $$; RESET ROLE`,
  );
  const steps = await privilegeSteps(counting, SPEC);
  expect(queries.length).toBe(few);
  // The same of many tables is one statement.
  expect(steps.length).toBe(2);
  await applyPrivileges(base.client, SPEC);
  expect(await privilegeSteps(base.client, SPEC)).toEqual([]);
});
