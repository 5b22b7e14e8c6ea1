import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkLogin } from '../../../postgres/roles/logins';
import { scramVerifier } from '../../../postgres/roles/scram';
import { freePort } from '../../support/cluster';
import { freshDatabase, type TestDatabase } from '../../support/database';

const role = `login_${randomBytes(4).toString('hex')}`;

describe('a login tells', () => {
  let base: TestDatabase;
  const login = (changed: object = {}): ReturnType<typeof checkLogin> =>
    checkLogin({ ...base.target, user: role, password: 'right', ...changed });

  beforeAll(async () => {
    base = await freshDatabase('logins');
    await base.client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${await scramVerifier('right')}'`);
  });
  afterAll(async () => {
    await base.client.query(`DROP ROLE ${role}`);
    await base.drop();
  });

  it('the right password from a wrong one', async () => {
    expect(await login()).toBe('ok');
    expect(await login({ password: 'wrong' })).toBe('refused');
    expect(await login({ user: `${role}_nobody` })).toBe('refused');
  });

  it('it is right even where the role may not enter', async () => {
    expect(await login({ database: `${base.target.database}_missing` })).toBe('ok');
    await base.client.query(`REVOKE CONNECT ON DATABASE ${base.target.database} FROM PUBLIC`);
    expect(await login()).toBe('ok');
    expect(await login({ password: 'wrong' })).toBe('refused');
    await base.client.query(`GRANT CONNECT ON DATABASE ${base.target.database} TO PUBLIC`);
  });

  it('nothing where the server does not say', async () => {
    expect(await login({ port: await freePort() })).toBe('unreachable');
    await base.client.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
    expect(await login()).toBe('unreachable');
    await base.client.query(`ALTER ROLE ${role} CONNECTION LIMIT -1 NOLOGIN`);
    expect(await login()).toBe('unreachable');
    await base.client.query(`ALTER ROLE ${role} LOGIN`);
  });
});
