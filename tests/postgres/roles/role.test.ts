import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../postgres/connection/quote';
import { ensureRole, renameRole } from '../../../postgres/roles/applyRole';
import { checkLogin } from '../../../postgres/roles/logins';
import { planRole } from '../../../postgres/roles/planRole';
import { PLAIN_ROLE, readRole, type RoleAttributes } from '../../../postgres/roles/role';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from './support';

const roles = new TestRoles();
const HOSTILE = [`it's "quoted"; DROP ROLE x; --`, 'Ünïcödé 角色 😀', '$1 $$ %s \\', 'UPPER lower'];

describe('roles', () => {
  let base: TestDatabase;
  let client: Client;
  beforeAll(async () => {
    base = await freshDatabase('roles');
    client = base.client;
  });
  afterAll(async () => {
    await roles.drop(client);
    await base.drop();
  });

  const wanted = (name: string, more: Partial<RoleAttributes> = {}): RoleAttributes => ({
    ...PLAIN_ROLE,
    name,
    ...more,
  });
  const declare = (role: RoleAttributes, password?: string): Promise<unknown> =>
    ensureRole(client, role, { password, isComparable: true });
  const stepsLeft = async (role: RoleAttributes): Promise<string[]> =>
    planRole(role, await readRole(client, role.name)).map(({ action }) => action);

  it('are made with everything that is declared, and then nothing is left to do', async () => {
    const group = await roles.make(client, 'group');
    const role = wanted(roles.name('full'), {
      login: true,
      createRole: true,
      createDatabase: true,
      replication: true,
      bypassRowLevelSecurity: true,
      inherit: false,
      connectionLimit: 7,
      validUntil: '2040-01-02 03:04:05+00',
      assumeRole: group,
      searchPaths: ['$user', 'My "schema', 'public'],
      statementTimeout: 30_000,
      idleInTransactionSessionTimeout: 5000,
      memberOf: [group, 'pg_monitor'],
    });
    await client.query("SET TimeZone = 'UTC'");
    await declare(role, 'secret');
    const { serverMajor, memberships, isCurrent, ...actual } = (await readRole(client, role.name)) ?? {};
    expect(actual).toEqual({ ...role, memberOf: [...role.memberOf].sort() });
    expect([typeof serverMajor, memberships?.length, isCurrent]).toEqual(['number', 2, false]);
    expect(await stepsLeft(role)).toEqual([]);
    expect(await checkLogin({ ...base.target, user: role.name, password: 'secret' })).toBe('ok');
  });

  it.each(HOSTILE)('may be called %s', async (base_) => {
    const role = wanted(roles.name(base_), { login: true, memberOf: ['pg_monitor'], assumeRole: 'pg_monitor' });
    const password = `it's "quoted" \\ $1`;
    await declare(role, password);
    expect(await stepsLeft(role)).toEqual([]);
    const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role.name]);
    expect(rows).toHaveLength(1);
    expect(await checkLogin({ ...base.target, user: role.name, password })).toBe('ok');
  });

  it('may have names of 63 bytes', async () => {
    const role = wanted(roles.longest('日"'));
    await declare(role);
    expect((await readRole(client, role.name))?.name).toBe(role.name);
  });

  const byHand: [string, string][] = [
    ['SUPERUSER', 'NOSUPERUSER'],
    ['CREATEDB', 'NOCREATEDB'],
    ['CREATEROLE', 'NOCREATEROLE'],
    ['REPLICATION', 'NOREPLICATION'],
    ['BYPASSRLS', 'NOBYPASSRLS'],
    ['LOGIN', 'NOLOGIN'],
    ['NOINHERIT', 'INHERIT'],
    ['CONNECTION LIMIT 3', 'CONNECTION LIMIT -1'],
    ["VALID UNTIL '2001-01-01'", "VALID UNTIL 'infinity'"],
    ["SET statement_timeout = '2min'", 'RESET statement_timeout'],
    ["SET idle_in_transaction_session_timeout = '1s'", 'RESET idle_in_transaction_session_timeout'],
    ['SET search_path = evil, public', 'RESET search_path'],
    ['SET role = pg_monitor', 'RESET role'],
  ];
  it('are put back, change by change', async () => {
    const role = wanted(roles.name('drift'));
    await declare(role);
    for (const [change, repair] of byHand) {
      await client.query(`ALTER ROLE ${role.name} ${change}`);
      expect(await stepsLeft(role), change).toEqual([expect.stringContaining(repair)]);
      await declare(role);
      expect(await stepsLeft(role), change).toEqual([]);
    }
  });

  it('have exactly the declared memberships, and may pass none of them on', async () => {
    const [a, b, c] = [await roles.make(client, 'a'), await roles.make(client, 'b'), await roles.make(client, 'c')];
    const role = wanted(roles.name('member'), { memberOf: [a, b] });
    await declare(role);
    await client.query(
      `REVOKE ${b} FROM ${role.name}; GRANT ${c} TO ${role.name}; GRANT ${a} TO ${role.name} WITH ADMIN OPTION`,
    );
    expect((await readRole(client, role.name))?.memberOf).toEqual([`${a} WITH ADMIN OPTION`, c]);
    expect(await stepsLeft(role)).toEqual([
      `revoke ${a} WITH ADMIN OPTION from ${role.name}`,
      `revoke ${c} from ${role.name}`,
      `grant ${b} to ${role.name}`,
    ]);
    await declare(role);
    expect((await readRole(client, role.name))?.memberOf).toEqual([a, b]);
  });

  it('get a password as a verifier only, and keep one that is right', async () => {
    const role = wanted(roles.name('password'), { login: true });
    const sent: string[] = [];
    const spied = new Proxy(client, {
      get: (target, key): unknown =>
        key === 'query'
          ? (text: string, values?: unknown[]) => (sent.push(`${text} ${String(values)}`), target.query(text, values))
          : Reflect.get(target, key),
    });
    const set = (password: string): Promise<unknown> => ensureRole(spied, role, { password, isComparable: true });
    const stored = async (): Promise<unknown> => (await readRole(client, role.name, true))?.password;
    await set('top secret');
    const first = await stored();
    await set('top secret');
    expect(await stored()).toBe(first);
    await set('another secret');
    expect(await stored()).not.toBe(first);
    expect(await checkLogin({ ...base.target, user: role.name, password: 'another secret' })).toBe('ok');
    expect(sent.join('\n')).toContain('SCRAM-SHA-256');
    expect(sent.join('\n')).not.toContain('secret');
    await ensureRole(spied, role, { password: undefined, isComparable: true });
    expect(await checkLogin({ ...base.target, user: role.name, password: 'another secret' })).toBe('ok');
  });

  it('are made or changed wholly or not at all', async () => {
    const role = wanted(roles.name('half'), { memberOf: [`missing_${roles.suffix}`] });
    const failure = await failureOf(declare(role));
    expect(failure.code).toBe('object-missing');
    expect(failure.message).toContain(role.name);
    expect(failure.message).toContain(`missing_${roles.suffix}`);
    expect(await readRole(client, role.name)).toBeUndefined();
  });

  it('cannot take names that PostgreSQL keeps, nor be the account that deploys', async () => {
    expect((await failureOf(declare(wanted(`pg_${roles.suffix}`)))).code).toBe('name-reserved');
    const failure = await failureOf(declare(wanted('postgres')));
    expect([failure.code, failure.kind]).toEqual(['role-is-administrator', 'refused']);
    expect((await readRole(client, 'postgres'))?.superuser).toBe(true);
  });

  it('are renamed where the new name is free', async () => {
    const from = await roles.make(client, 'before', 'LOGIN CONNECTION LIMIT 5');
    const to = roles.name('after "it"');
    await renameRole(client, from, to);
    expect((await readRole(client, to))?.connectionLimit).toBe(5);
    await renameRole(client, from, to);
    await client.query(`CREATE ROLE ${quoteIdentifier(from)}`);
    await renameRole(client, from, to);
    expect((await readRole(client, from))?.name).toBe(from);
  });

  it('are declared by several sessions at once', async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const each = new Client(base.target);
        await each.connect();
        return each;
      }),
    );
    const role = wanted(roles.name('crowd'), { login: true, connectionLimit: 9, memberOf: ['pg_monitor'] });
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(clients.map((each) => ensureRole(each, role, { password: `p${round}`, isComparable: true })));
      expect(await stepsLeft(role)).toEqual([]);
      await client.query(`ALTER ROLE ${role.name} CONNECTION LIMIT ${round}; REVOKE pg_monitor FROM ${role.name}`);
      if (round % 2 === 0) await client.query(`DROP ROLE ${role.name}`);
    }
    await Promise.all(clients.map((each) => each.end()));
  });
});
