import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Properties, ResourceProvider } from '../../../../engine/apply/provider';
import { createPostgresqlProvider } from '../../../../engine/apply/providers/postgresql';
import { quoteIdentifier } from '../../../../postgres/connection/quote';
import { checkLogin } from '../../../../postgres/roles/logins';
import { failureOf, TestRoles } from '../../../postgres/roles/support';
import { freshDatabase, type TestDatabase } from '../../../support/database';
import { configOf, DATABASE, DEFAULTS, Driven, EXTENSION, GRANT, ROLE } from './driven';

const roles = new TestRoles();
const suffix = randomBytes(4).toString('hex');

describe('the stand-in of the postgresql provider', () => {
  let provider: ResourceProvider;
  let base: TestDatabase;
  let client: Client;
  let database: string;
  let role: string;
  beforeAll(async () => {
    base = await freshDatabase('standin');
    ({ client } = base);
    ({ database } = base.target);
    role = await roles.make(client, 'a "role\'s');
    provider = createPostgresqlProvider(configOf());
  });
  afterAll(async () => {
    await provider.close();
    await roles.drop(client);
    await base.drop();
  });
  const made = (type: string, given: Properties, by = provider): Driven => new Driven(by, type, given);

  /** By hand, then seen, then put back, and then nothing is left. */
  async function mends(resource: Driven, sql: string, changed: string[], on = client): Promise<void> {
    await on.query(sql);
    expect(await resource.drift(), sql).toEqual(changed);
    // What a refresh has stored is not taken for what is declared.
    expect(await resource.drift(), sql).toEqual(changed);
    await resource.update();
    expect(await resource.drift(), sql).toEqual([]);
  }

  it('says what role it would take over, and does not drop one that it took over', async () => {
    const name = roles.name('there');
    expect(await provider.adopts?.(ROLE, { name })).toBeUndefined();
    await client.query(`CREATE ROLE ${name} LOGIN CREATEDB CONNECTION LIMIT 3; GRANT pg_monitor TO ${name}`);
    const adopted = await provider.adopts?.(ROLE, { name });
    expect(adopted?.note).toContain('LOGIN CREATEDB CONNECTION LIMIT 3, member of pg_monitor');
    const taken = await made(ROLE, { name, ...adopted?.inputs }).create();
    expect(await taken.drift()).toEqual([]);
    await taken.delete();
    const { rows } = await client.query('SELECT rolcreatedb FROM pg_roles WHERE rolname = $1', [name]);
    expect(rows).toEqual([{ rolcreatedb: false }]);
  });

  it('mends a role changed by hand, and drops it', async () => {
    const name = roles.name('o\'role "1"');
    const quoted = quoteIdentifier(name);
    const resource = await made(ROLE, {
      name,
      login: true,
      connectionLimit: 5,
      roles: ['pg_monitor'],
      password: 'first',
    }).create();
    expect(await resource.drift()).toEqual([]);
    await mends(resource, `ALTER ROLE ${quoted} CREATEDB SUPERUSER`, ['superuser', 'createDatabase']);
    await mends(resource, `ALTER ROLE ${quoted} NOLOGIN`, ['login']);
    await mends(resource, `ALTER ROLE ${quoted} CONNECTION LIMIT -1`, ['connectionLimit']);
    await mends(resource, `GRANT pg_read_all_data TO ${quoted}`, ['roles']);
    await mends(resource, `REVOKE pg_monitor FROM ${quoted}`, ['roles']);
    await mends(resource, `ALTER ROLE ${quoted} SET statement_timeout = '5s'`, ['statementTimeout']);
    await mends(resource, `ALTER ROLE ${quoted} SET role = pg_monitor`, ['assumeRole']);
    await mends(resource, `ALTER ROLE ${quoted} VALID UNTIL '2002-02-02'`, ['validUntil']);
    await resource.delete();
    expect(await resource.drift()).toBe('gone');
    await resource.delete();
  });

  it('finds a password changed by hand, for whoever works with it', async () => {
    for (const superuser of ['true', 'false']) {
      const own = createPostgresqlProvider(configOf({ superuser }));
      const name = roles.name(`password_${superuser}`);
      const resource = await made(ROLE, { name, login: true, password: 'declared' }, own).create();
      expect(await resource.drift()).toEqual([]);
      await mends(resource, `ALTER ROLE ${name} PASSWORD 'by hand'`, ['password']);
      expect(await checkLogin({ ...base.target, user: name, password: 'declared' })).toBe('ok');
      await mends(resource, `ALTER ROLE ${name} PASSWORD NULL`, ['password']);
      // Seen by a refresh, then put right by hand: nothing is left of it.
      await client.query(`ALTER ROLE ${name} PASSWORD 'by hand'`);
      expect(await resource.drift()).toEqual(['password']);
      await client.query(`ALTER ROLE ${name} PASSWORD 'declared'`);
      expect(await resource.drift()).toEqual([]);
      expect(await resource.drift({ name, login: true, password: 'rotated' })).toEqual(['password']);
      await own.close();
    }
  });

  it('mends a database changed by hand, keeps strangers out of its deletion', async () => {
    const name = `standin "db" ${suffix}`;
    const quoted = quoteIdentifier(name);
    const resource = await made(DATABASE, {
      name,
      owner: role,
      encoding: 'UTF8',
      lcCollate: 'C',
      lcCtype: 'C.UTF-8',
      template: 'template0',
    }).create();
    expect(resource.outputs).toMatchObject({ owner: role, isTemplate: false, tablespaceName: 'pg_default' });
    await mends(resource, `ALTER DATABASE ${quoted} OWNER TO postgres`, ['owner']);
    await mends(resource, `ALTER DATABASE ${quoted} CONNECTION LIMIT 1`, ['connectionLimit']);
    await mends(resource, `ALTER DATABASE ${quoted} ALLOW_CONNECTIONS false`, ['allowConnections']);
    // What is not declared is the server's.
    await client.query(`ALTER DATABASE ${quoted} IS_TEMPLATE true`);
    expect(await resource.drift()).toEqual([]);
    // Its own connections are no hindrance.
    const inside = await made(EXTENSION, { name: 'pg_trgm', database: name }).create();
    const stranger = new Client({ ...base.target, database: name });
    await stranger.connect();
    expect((await failureOf(resource.delete())).code).toBe('database-in-use');
    await stranger.end();
    await resource.delete();
    expect(await resource.drift()).toBe('gone');
    expect(await inside.drift()).toBe('gone');
    await inside.delete();
  });

  it('mends extensions changed by hand', async () => {
    const resource = await made(EXTENSION, {
      name: 'pg_trgm',
      database,
      schema: 'public',
      version: '1.5',
    }).create();
    expect(resource.id).toBe(`${database}.pg_trgm`);
    await mends(resource, 'CREATE SCHEMA elsewhere; ALTER EXTENSION pg_trgm SET SCHEMA elsewhere', ['schema']);
    await client.query('ALTER EXTENSION pg_trgm UPDATE');
    expect(await resource.drift()).toEqual(['version']);
    // There is no way back to an older version.
    expect((await failureOf(resource.update())).code).toBe('extension-version');
    await client.query('DROP EXTENSION pg_trgm');
    expect(await resource.drift()).toBe('gone');
    const free = await made(EXTENSION, { name: 'pg_trgm', database }).create();
    await client.query('ALTER EXTENSION pg_trgm SET SCHEMA elsewhere');
    expect(await free.drift()).toEqual([]);
    await free.delete();
    expect(await free.drift()).toBe('gone');
  });

  it('mends grants changed by hand', async () => {
    const quoted = quoteIdentifier(role);
    await client.query('CREATE TABLE IF NOT EXISTS "Student" (id int); CREATE TABLE IF NOT EXISTS "Lesson" (id int)');
    const tables = await made(GRANT, {
      role,
      database,
      objectType: 'table',
      schema: 'public',
      privileges: ['SELECT', 'INSERT'],
    }).create();
    await mends(tables, `REVOKE INSERT ON "Lesson" FROM ${quoted}`, ['privileges']);
    await mends(tables, `GRANT DELETE ON "Lesson" TO ${quoted}`, ['privileges']);
    await mends(tables, `REVOKE ALL ON "Lesson" FROM ${quoted}`, ['privileges']);
    await mends(tables, `GRANT SELECT ON "Lesson" TO ${quoted} WITH GRANT OPTION`, ['withGrantOption']);
    await mends(tables, 'CREATE TABLE "New" (id int)', ['privileges']);
    const everybody = await made(GRANT, {
      role: 'public',
      database,
      objectType: 'database',
      privileges: [],
    }).create();
    await mends(everybody, `GRANT CONNECT ON DATABASE ${database} TO PUBLIC`, ['privileges']);
    await tables.delete();
    expect((await client.query("SELECT has_table_privilege($1, '\"Student\"', 'SELECT') AS has", [role])).rows).toEqual(
      [{ has: false }],
    );
    await tables.delete();
  });

  it('mends default privileges changed by hand', async () => {
    const owner = await roles.make(client, 'owner');
    const resource = await made(DEFAULTS, {
      role,
      database,
      owner,
      objectType: 'table',
      schema: 'public',
      privileges: ['SELECT', 'INSERT'],
    }).create();
    const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public`;
    await mends(resource, `${alter} REVOKE INSERT ON TABLES FROM ${quoteIdentifier(role)}`, ['privileges']);
    await client.query(`${alter} REVOKE ALL ON TABLES FROM ${quoteIdentifier(role)}`);
    expect(await resource.drift()).toBe('gone');
    await resource.create();
    await resource.delete();
    expect(await resource.drift()).toBe('gone');
    await resource.delete();
  });

  it('adopts what a killed run has made, and changes nothing about it', async () => {
    const name = roles.name('adopted');
    const own = `adopted_${suffix}`;
    const declared: [string, Properties][] = [
      [ROLE, { name, login: true, password: 'x', roles: ['pg_monitor'] }],
      [DATABASE, { name: own, owner: name }],
      [EXTENSION, { name: 'btree_gin', database: own }],
      [GRANT, { role: name, database: own, objectType: 'schema', schema: 'public', privileges: ['USAGE'] }],
      [DEFAULTS, { role: name, database: own, owner: name, objectType: 'table', privileges: ['SELECT'] }],
    ];
    const twice: Driven[] = [];
    for (const [type, inputs] of declared) {
      const first = await made(type, inputs).create();
      const second = await made(type, inputs).create();
      expect([second.id, second.outputs]).toEqual([first.id, first.outputs]);
      twice.push(second);
    }
    const counts = await client.query(
      `SELECT (SELECT count(*) FROM pg_roles WHERE rolname = $1)::int + (SELECT count(*) FROM pg_database WHERE datname = $2)::int AS n`,
      [name, own],
    );
    expect(counts.rows).toEqual([{ n: 2 }]);
    for (const resource of twice.reverse()) await resource.delete();
  });

  it('changes what it finds of another kind than declared', async () => {
    const name = await roles.make(client, 'theirs', 'SUPERUSER CREATEDB IN ROLE pg_read_all_data');
    const resource = await made(ROLE, { name, login: true, password: 'x' }).create();
    expect(resource.outputs).toMatchObject({ superuser: false, createDatabase: false, login: true, roles: null });
  });

  it('renames roles and databases in place, as the real one does', async () => {
    const role_ = await made(ROLE, { name: roles.name('former') }).create();
    const name = roles.name('latter');
    const owner = await roles.make(client, 'dbowner');
    expect(await role_.drift({ name })).toEqual(['name']);
    await role_.update({ name });
    expect([await role_.drift({ name }), role_.id]).toEqual([[], name]);
    const db = await made(DATABASE, { name: `former_${suffix}`, owner }).create();
    const inside = await made(EXTENSION, { name: 'pg_trgm', database: `former_${suffix}` }).create();
    const renamed = { name: `latter_${suffix}`, owner };
    await db.update(renamed);
    expect([await db.drift(renamed), db.id]).toEqual([[], renamed.name]);
    expect(await inside.drift()).toBe('gone');
    await db.delete();
  });
});
