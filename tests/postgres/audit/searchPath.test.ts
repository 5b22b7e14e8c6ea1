import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AuditedDatabase, auditedDatabase } from './support';

/** Every kind of recorder: fast and by row, with hidden columns, pinned settings, a key of several columns, partitions. */
const SCHEMA = `
CREATE TABLE plain (id int PRIMARY KEY, name text, ratio real);
CREATE TABLE hidden (a int, b text, noise int, secret text, took interval, PRIMARY KEY (a, b));
CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE rowwise (id int PRIMARY KEY, doc jsonb);
CREATE TABLE rowwise_child () INHERITS (rowwise);
CREATE TABLE named (id int PRIMARY KEY, object regclass);
CREATE SCHEMA evil;
CREATE TABLE evil.pwned (by text);
GRANT ALL ON SCHEMA evil TO public; GRANT ALL ON evil.pwned TO public;
`;

const TABLES = [
  { schema: 'public', table: 'plain' },
  { schema: 'public', table: 'hidden', exclude: ['noise'], redact: ['secret'] },
  { schema: 'public', table: 'parts' },
  { schema: 'public', table: 'rowwise' },
  { schema: 'public', table: 'named' },
];

/** Whatever a body might look up by name alone, with the types it would use; each leaves its caller's name and breaks the statement. */
const FUNCTIONS: [name: string, types: string, returns: string][] = [
  ['now', '', 'timestamptz'],
  ['clock_timestamp', '', 'timestamptz'],
  ['statement_timestamp', '', 'timestamptz'],
  ['txid_current', '', 'bigint'],
  ['inet_client_addr', '', 'inet'],
  ['current_setting', 'text', 'text'],
  ['current_setting', 'text, boolean', 'text'],
  ['set_config', 'text, text, boolean', 'text'],
  ['nextval', 'regclass', 'bigint'],
  ['to_hex', 'bigint', 'text'],
  ['date_part', 'text, timestamptz', 'double precision'],
  ['to_jsonb', 'anyelement', 'jsonb'],
  ['jsonb_build_object', 'VARIADIC "any"', 'jsonb'],
  ['jsonb_build_array', 'VARIADIC "any"', 'jsonb'],
  ['jsonb_hash_extended', 'jsonb, bigint', 'bigint'],
  ['format', 'text, VARIADIC "any"', 'text'],
  ['pg_stat_get_live_tuples', 'oid', 'bigint'],
  ['sha256', 'bytea', 'bytea'],
  ['convert_to', 'text, name', 'bytea'],
  ['trunc', 'numeric', 'numeric'],
  ['host', 'inet', 'text'],
];
const OPERATORS: [name: string, left: string, right: string, returns: string][] = [
  ['=', 'text', 'text', 'boolean'],
  ['<>', 'text', 'text', 'boolean'],
  ['=', 'jsonb', 'jsonb', 'boolean'],
  ['<>', 'jsonb', 'jsonb', 'boolean'],
  ['->', 'jsonb', 'text', 'jsonb'],
  ['-', 'jsonb', 'text[]', 'jsonb'],
  ['||', 'jsonb', 'jsonb', 'jsonb'],
  ['||', 'text', 'text', 'text'],
  ['@>', 'jsonb', 'jsonb', 'boolean'],
  ['*=', 'record', 'record', 'boolean'],
  ['*', 'double precision', 'integer', 'double precision'],
  ['*', 'bigint', 'integer', 'bigint'],
  ['+', 'bigint', 'integer', 'bigint'],
  ['+', 'bigint', 'bigint', 'bigint'],
];
const TYPES = ['text', 'jsonb', 'uuid', 'int8', 'bigint', 'regclass', 'name', 'timestamptz', 'bool'];

async function makeHostile(client: Client): Promise<void> {
  const body = `BEGIN INSERT INTO evil.pwned VALUES (current_user); RAISE EXCEPTION 'hijacked'; END`;
  for (const [name, types, returns] of FUNCTIONS) {
    // "any" is for C alone, and a row type cannot come in: an array of text is what such a call would match next.
    const taken = types.replace('VARIADIC "any"', 'VARIADIC text[]');
    await client.query(`CREATE FUNCTION evil.${name}(${taken}) RETURNS ${returns} LANGUAGE plpgsql AS $$${body}$$`);
  }
  for (const [index, [name, left, right, returns]] of OPERATORS.entries()) {
    await client.query(`CREATE FUNCTION evil.op_${index}(${left}, ${right}) RETURNS ${returns} LANGUAGE plpgsql AS $$${body}$$;
      CREATE OPERATOR evil.${name} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = evil.op_${index})`);
  }
  for (const type of TYPES) await client.query(`CREATE DOMAIN evil.${type} AS pg_catalog.int4 CHECK (false)`);
  for (const table of ['audit_log', 'audit_log_id', 'new_rows', 'old_rows', 'suspension', 'audited_table', 'plain'])
    await client.query(`CREATE TABLE evil.${table} (LIKE public.plain)`);
}

let database: AuditedDatabase;
beforeAll(async () => {
  database = await auditedDatabase('audit_path', SCHEMA, { tables: TABLES, hashChain: true });
  await database.up();
  await makeHostile(await database.as('app'));
});
afterAll(() => database.drop());

const WORK = `
INSERT INTO public.plain VALUES (1, 'a', 0.1), (2, 'b', 0.2); UPDATE public.plain SET id = 3, name = 'c' WHERE id OPERATOR(pg_catalog.=) 1; DELETE FROM public.plain;
INSERT INTO public.hidden VALUES (1, 'k', 1, 's', '1 day'); UPDATE public.hidden SET secret = 't'; UPDATE public.hidden SET noise = 2; DELETE FROM public.hidden;
INSERT INTO public.parts VALUES (1, 'a'); UPDATE public.parts SET name = 'b'; DELETE FROM public.parts;
INSERT INTO public.rowwise VALUES (1, '{"a": 1}'); INSERT INTO public.rowwise_child VALUES (2, '[]'); UPDATE public.rowwise SET doc = '2'; DELETE FROM public.rowwise;
TRUNCATE public.parts`;

const shown = `SELECT operation, table_name, child_table, key, old_data, new_data FROM audit.audit_log WHERE txid = $1 ORDER BY id`;

async function work(client: Client, settings: string): Promise<object[]> {
  await client.query(`BEGIN; ${settings}`);
  const { rows } = await client.query<{ id: string }>('SELECT pg_catalog.txid_current() AS id');
  await client.query(`${WORK}; COMMIT; RESET ALL`);
  return (await database.admin.query<object>(shown, [rows[0]?.id])).rows;
}

describe('a search path full of somebody else’s functions, operators and types', () => {
  it('changes nothing of what is recorded, and none of them is called', async () => {
    const client = await database.as('app');
    const plain = await work(client, '');
    expect(plain).toHaveLength(20);
    expect(await work(client, 'SET search_path = evil, pg_catalog, pg_temp')).toEqual(plain);
    expect(await work(client, `SET search_path = ''`)).toEqual(plain);
    expect((await database.admin.query('SELECT * FROM evil.pwned')).rows).toEqual([]);
  });

  it('nor does a temporary table that is called like one of the trail', async () => {
    const client = await database.as('app');
    await client.query(`CREATE TEMP TABLE audit_log (id uuid); CREATE TEMP TABLE new_rows (id int); CREATE TEMP TABLE old_rows (id int);
      CREATE TEMP TABLE plain (id int)`);
    const plain = await work(client, '');
    expect(await work(client, 'SET search_path = pg_temp, evil, pg_catalog')).toEqual(plain);
  });

  it('a loader’s suspension and a migration’s DDL run through none of them', async () => {
    const client = await database.as('migrator');
    await client.query(`SET search_path = evil, pg_catalog; BEGIN; SELECT audit.suspend('load'); INSERT INTO public.plain VALUES (9, 'n', 1);
      COMMIT; SET ROLE ${database.roles.tableOwner}; ALTER TABLE public.plain ADD COLUMN more pg_catalog.text`);
    expect((await database.admin.query('SELECT * FROM evil.pwned')).rows).toEqual([]);
    expect((await database.recorded({ all: true })).slice(-3).map(({ operation }) => operation)).toContain('DDL');
  });
});

/** What a catalog table is called when it is looked up by name alone, and temporary objects come first. */
async function shadow(client: Client, catalog: string, select: string): Promise<void> {
  await client.query(`CREATE TEMP VIEW ${catalog} AS ${select}; GRANT SELECT ON pg_temp.${catalog} TO PUBLIC`);
}

describe('a temporary table that is called like one of the catalog', () => {
  const COMPLETE = `SELECT t.oid, t.tgrelid, t.tgfoid, t.tgname, 'A'::"char" AS tgenabled, t.tgparentid, t.tgisinternal, t.tgtype, t.tgattr, t.tgqual::text
    FROM pg_catalog.pg_trigger t`;

  it('does not switch the trail off: the guard sees the trigger that is disabled', async () => {
    const client = await database.as('migrator');
    await client.query(`SET ROLE ${database.roles.tableOwner}`);
    await shadow(client, 'pg_trigger', COMPLETE);
    await expect(client.query('ALTER TABLE public.plain DISABLE TRIGGER "00_audit_update"')).rejects.toMatchObject({
      code: '42501',
      message:
        'ALTER TABLE is refused: table public.plain is audited, and trigger 00_audit_update of public.plain would not record.',
    });
  });

  it('suspends no other table than the loader named', async () => {
    const client = await database.as('migrator');
    await client.query(
      `SET ROLE ${database.roles.tableOwner}; GRANT ALL ON public.plain, public.hidden TO ${database.roles.migrator}; RESET ROLE`,
    );
    await shadow(
      client,
      'pg_inherits',
      `SELECT 'public.plain'::regclass::oid AS inhrelid, 'public.hidden'::regclass::oid AS inhparent`,
    );
    await database.recorded();
    await client.query(`BEGIN; SELECT audit.suspend('load', ARRAY['hidden']); INSERT INTO public.plain VALUES (70, 'seen', 1);
      INSERT INTO public.hidden VALUES (70, 'unseen'); COMMIT`);
    const rows = await database.recorded({ all: true });
    expect(rows.map(({ operation, table_name: table }) => [operation, table])).toEqual([
      ['SUSPENDED', 'hidden'],
      ['INSERT', 'plain'],
      ['RESUMED', 'hidden'],
    ]);
  });

  it('hides no column from the recorder of any table', async () => {
    const { admin, roles } = database;
    await admin.query(
      `SET ROLE ${roles.tableOwner}; CREATE TRIGGER zz AFTER INSERT ON public.hidden FOR EACH ROW WHEN (false) EXECUTE FUNCTION suppress_redundant_updates_trigger(); RESET ROLE`,
    );
    const client = await database.as('app');
    await shadow(
      client,
      'pg_attribute',
      `SELECT a.attrelid, a.attname, 'v'::"char" AS attgenerated FROM pg_catalog.pg_attribute a`,
    );
    await database.recorded();
    await client.query(`INSERT INTO public.hidden VALUES (71, 'b', 1, 's', '1 day')`);
    expect(await database.recorded()).toMatchObject([
      { operation: 'INSERT', key: { a: 71, b: 'b' }, new_data: { a: 71, b: 'b', secret: '[redacted]', took: '1 day' } },
    ]);
    await admin.query('DROP TRIGGER zz ON public.hidden');
    await database.up();
  });

  it('changes no name that is recorded', async () => {
    const client = await database.as('app');
    await client.query(`CREATE TEMP TABLE pg_class (id int)`);
    await database.recorded();
    await client.query(`INSERT INTO public.named VALUES (1, 'pg_catalog.pg_class')`);
    expect(await database.recorded()).toMatchObject([{ new_data: { id: 1, object: 'pg_class' } }]);
  });

  it('reaches no function that runs as somebody else: each looks names up in pg_catalog first, or bears every schema', async () => {
    const { rows } = await database.admin.query<{ name: string; settings: string[] | null }>(
      `SELECT p.proname AS name, p.proconfig AS settings FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prosecdef ORDER BY 1`,
    );
    // A table's own recorders have no setting, which would cost every change; what they call is tried above.
    const unset = rows.filter(({ settings }) => settings === null).map(({ name }) => name);
    const recorders = TABLES.flatMap(({ table }) =>
      ['delete', 'insert', 'truncate', 'update'].map((of) => `record_${of}_public.${table}`),
    );
    expect(unset.sort()).toEqual(recorders.sort());
    const others = rows.filter(({ settings }) => settings !== null);
    expect(others.map(({ name }) => name)).toEqual([
      'bounded',
      'expire',
      'guard',
      'hash_row',
      'is_suspended',
      'maintain',
      'mark',
      'record_change',
      'resume',
      'seal',
      'suspend',
      'weigh',
    ]);
    for (const { name, settings } of others)
      expect(
        settings?.filter((entry) => entry.startsWith('search_path')),
        name,
      ).toEqual(['search_path=pg_catalog, pg_temp']);
  });
});

describe('a type that brings code for its conversion to JSON', () => {
  it('is refused by the plan, with the function and its owner, where a guard could not', async () => {
    const { admin, roles } = database;
    await admin.query(`SET coach_audit.applying = 'on'; SET ROLE ${roles.tableOwner}; CREATE TYPE sly AS ENUM ('x');
      CREATE FUNCTION sly_json(sly) RETURNS json LANGUAGE plpgsql AS $$BEGIN INSERT INTO evil.pwned VALUES (current_user); RETURN '1'; END$$;
      CREATE CAST (sly AS json) WITH FUNCTION sly_json(sly); ALTER TABLE rowwise ADD COLUMN s sly[]; RESET ROLE; RESET coach_audit.applying`);
    const { problems } = await database.plan();
    expect(problems).toMatchObject([
      { code: 'audit-conversion', message: expect.stringContaining(`sly_json(sly) (${roles.tableOwner})`) as unknown },
    ]);
    await expect(database.up()).rejects.toMatchObject({ code: 'audit-conversion', kind: 'refused' });
    // What it is about: the code would run as the trail's owner.
    await admin.query(`INSERT INTO rowwise VALUES (5, '{}', '{x}')`);
    expect((await admin.query('SELECT * FROM evil.pwned')).rows).toEqual([{ by: roles.auditOwner }]);
    await admin.query('ALTER FUNCTION sly_json(sly) OWNER TO postgres');
    expect((await database.plan()).problems).toEqual([]);
  });
});
