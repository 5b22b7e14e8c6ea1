import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../postgres/connection/quote';
import { applyGrant, planGrant, revokeGrant } from '../../../postgres/roles/grants';
import { samePrivileges } from '../../../postgres/roles/privileges';
import { grantedOn, readGrant } from '../../../postgres/roles/readGrant';
import type { GrantSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from './support';

const roles = new TestRoles();
const SCHEMA = 'it\'s "a" schema';

describe('grants', () => {
  let base: TestDatabase;
  let client: Client;
  let database: string;
  let role: string;
  beforeAll(async () => {
    base = await freshDatabase('grants');
    ({ client } = base);
    ({ database } = base.target);
    role = await roles.make(client, 'o\'brien "x"');
    await client.query(`CREATE SCHEMA ${quoteIdentifier(SCHEMA)}; SET search_path = ${quoteIdentifier(SCHEMA)};
      CREATE TABLE "Student" (id int); CREATE TABLE "Lesson; DROP" (id int) PARTITION BY RANGE (id);
      CREATE VIEW students AS SELECT * FROM "Student"; CREATE MATERIALIZED VIEW counted AS SELECT 1 AS n;
      CREATE SEQUENCE numbers; CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET search_path`);
  });
  afterAll(async () => {
    await roles.drop(client);
    await base.drop();
  });

  const spec = (
    objectType: GrantSpec['objectType'],
    privileges: string[],
    more: Partial<GrantSpec> = {},
  ): GrantSpec => ({
    role,
    objectType,
    ...(objectType === 'database' ? {} : { schema: SCHEMA }),
    objects: [],
    privileges,
    ...more,
  });
  const apply = (grant: GrantSpec): Promise<void> => applyGrant(client, grant, database);
  const now = async (grant: GrantSpec): Promise<string[] | undefined> =>
    (await readGrant(client, grant, database))?.privileges;
  const quoted = (): string => quoteIdentifier(role);

  const cases: [GrantSpec['objectType'], string[], string[]][] = [
    ['database', ['CONNECT', 'TEMPORARY'], ['CREATE']],
    ['schema', ['USAGE'], ['CREATE', 'USAGE']],
    ['table', ['UPDATE', 'SELECT'], ['INSERT']],
    ['sequence', ['SELECT'], ['USAGE', 'UPDATE']],
    ['function', ['EXECUTE'], []],
  ];
  it.each(cases)('on a %s are given, changed and taken exactly', async (objectType, first, second) => {
    for (const privileges of [first, second, []]) {
      const grant = spec(objectType, privileges);
      await apply(grant);
      expect(await now(grant)).toEqual(privileges);
      for (const { privileges: granted } of (await grantedOn(client, grant, database)) ?? [])
        expect(granted).toEqual([...privileges].sort());
    }
  });

  it('are the first object’s that differs, views and partitioned tables among them', async () => {
    const grant = spec('table', ['SELECT', 'INSERT']);
    await apply(grant);
    const byHand: [string, string[]][] = [
      ['REVOKE INSERT ON "Student" FROM', ['SELECT']],
      ['REVOKE ALL ON counted FROM', []],
      ['GRANT DELETE ON students TO', ['DELETE', 'INSERT', 'SELECT']],
      ['GRANT TRUNCATE ON "Lesson; DROP" TO', ['INSERT', 'SELECT', 'TRUNCATE']],
    ];
    await client.query(`SET search_path = ${quoteIdentifier(SCHEMA)}`);
    for (const [change, held] of byHand) {
      await client.query(`${change} ${quoted()}`);
      expect(await now(grant), change).toEqual(held);
      await apply(grant);
      expect(await now(grant), change).toEqual(['SELECT', 'INSERT']);
    }
    await client.query('CREATE TABLE later (id int)');
    expect(await now(grant)).toEqual([]);
    await client.query('DROP TABLE later; RESET search_path');
  });

  it('on named objects leave the others alone', async () => {
    await apply(spec('table', []));
    const grant = spec('table', ['SELECT'], { objects: ['Lesson; DROP', 'students'] });
    await apply(grant);
    expect(await now(grant)).toEqual(['SELECT']);
    expect(await now(spec('table', [], { objects: ['Student', 'counted'] }))).toEqual([]);
    await revokeGrant(client, { ...grant, objects: ['students', 'never there'] }, database);
    expect(await now({ ...grant, objects: ['students'] })).toEqual([]);
    expect(await now({ ...grant, objects: ['Lesson; DROP'] })).toEqual(['SELECT']);
  });

  it('on an object that is missing say so', async () => {
    const grant = spec('table', ['SELECT'], { objects: ['Missing'] });
    expect(await now(grant)).toEqual([]);
    const failure = await failureOf(apply(grant));
    expect([failure.code, failure.message]).toEqual(['object-missing', expect.stringContaining('Missing')]);
    await revokeGrant(client, grant, database);
    expect((await failureOf(apply(spec('schema', ['USAGE'], { schema: 'nowhere' })))).code).toBe('schema-missing');
  });

  it('to nobody and in no schema do not exist', async () => {
    expect(await now(spec('table', ['SELECT'], { role: 'nobody there' }))).toBeUndefined();
    expect(await now(spec('schema', ['USAGE'], { role: 'nobody there' }))).toBeUndefined();
    expect(await now(spec('table', ['SELECT'], { schema: 'nowhere' }))).toBeUndefined();
    expect(await now(spec('schema', ['USAGE'], { schema: 'nowhere' }))).toBeUndefined();
    await client.query('CREATE SCHEMA empty');
    expect(await now(spec('table', ['SELECT'], { schema: 'empty' }))).toEqual(['SELECT']);
  });

  it('to everybody are not those of a role called Public', async () => {
    const shout = roles.name('Public');
    await client.query(`CREATE ROLE ${quoteIdentifier(shout)}`);
    // What nobody has touched is the built-in default.
    expect(await now(spec('database', [], { role: 'public' }))).toEqual(['CONNECT', 'TEMPORARY']);
    await apply(spec('database', [], { role: 'public' }));
    expect(await now(spec('database', ['CONNECT'], { role: 'public' }))).toEqual([]);
    await apply(spec('schema', ['USAGE'], { role: shout }));
    expect(await now(spec('schema', ['USAGE'], { role: 'public' }))).toEqual([]);
  });

  it('of ALL are every privilege there is', async () => {
    for (const objectType of ['database', 'schema', 'table', 'sequence', 'function'] as const) {
      const grant = spec(objectType, ['ALL']);
      await apply(grant);
      expect(await now(grant), objectType).toEqual(['ALL']);
      await apply(spec(objectType, []));
      expect(await now(grant), objectType).toEqual([]);
    }
    expect(samePrivileges('schema', ['ALL'], ['USAGE'])).toBe(false);
    expect(samePrivileges('schema', ['USAGE', 'CREATE'], ['CREATE', 'USAGE'])).toBe(true);
  });

  it('show a grant option, and take it back', async () => {
    const grant = spec('schema', ['USAGE']);
    await client.query(`GRANT USAGE ON SCHEMA ${quoteIdentifier(SCHEMA)} TO ${quoted()} WITH GRANT OPTION`);
    expect(await readGrant(client, grant, database)).toEqual({ privileges: ['USAGE'], withGrantOption: true });
    await apply(grant);
    expect(await readGrant(client, grant, database)).toEqual({ privileges: ['USAGE'], withGrantOption: false });
  });

  it('that somebody else has given are taken back as that role, with what was handed on', async () => {
    const giver = await roles.make(client, 'giver');
    const third = await roles.make(client, 'third');
    const on = `SCHEMA ${quoteIdentifier(SCHEMA)}`;
    await client.query(
      `GRANT CREATE ON ${on} TO ${giver} WITH GRANT OPTION; SET ROLE ${giver}; GRANT CREATE ON ${on} TO ${quoted()} WITH GRANT OPTION;
       SET ROLE ${quoted()}; GRANT CREATE ON ${on} TO ${third}; RESET ROLE`,
    );
    const grant = spec('schema', ['USAGE']);
    await apply(grant);
    expect(await now(grant)).toEqual(['USAGE']);
    const { rows } = await client.query(
      `SELECT has_schema_privilege($1, $3, 'CREATE') AS giver, has_schema_privilege($2, $3, 'CREATE') AS third`,
      [giver, third, SCHEMA],
    );
    expect(rows[0]).toEqual({ giver: true, third: false });
  });

  it('that a superuser has given before it was one stay, and that is said', async () => {
    const giver = await roles.make(client, 'chief');
    const on = `SCHEMA ${quoteIdentifier(SCHEMA)}`;
    await client.query(
      `GRANT CREATE ON ${on} TO ${giver} WITH GRANT OPTION; SET ROLE ${giver}; GRANT CREATE ON ${on} TO ${quoted()}; RESET ROLE;
       ALTER ROLE ${giver} SUPERUSER`,
    );
    const failure = await failureOf(apply(spec('schema', ['USAGE'])));
    expect(failure.code).toBe('privilege-of-another');
    expect(failure.message).toContain(giver);
    await client.query(`ALTER ROLE ${giver} NOSUPERUSER`);
    await apply(spec('schema', ['USAGE']));
    expect(await now(spec('schema', ['USAGE']))).toEqual(['USAGE']);
  });

  it('have no words but PostgreSQL’s own in their SQL', () => {
    expect(() => planGrant(spec('table', ['SELECT; DROP TABLE x']), database)).toThrow(RangeError);
    expect(() => planGrant(spec('schema', ['SELECT']), database)).toThrow(RangeError);
  });

  it('are given by several sessions at once on the same object', async () => {
    const clients: { each: Client; name: string }[] = [];
    for (let at = 0; at < 6; at += 1) {
      const each = new Client(base.target);
      await each.connect();
      clients.push({ each, name: await roles.make(client, `crowd${at}`) });
    }
    for (let round = 0; round < 8; round += 1) {
      const privileges = round % 2 === 0 ? ['USAGE'] : ['CREATE'];
      await Promise.all(
        clients.map(({ each, name }) => applyGrant(each, spec('schema', privileges, { role: name }), database)),
      );
      for (const { name } of clients) expect(await now(spec('schema', privileges, { role: name }))).toEqual(privileges);
    }
    await Promise.all(clients.map(({ each }) => each.end()));
  });
});
