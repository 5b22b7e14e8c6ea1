import { describe, expect, it } from 'vitest';

import { type Properties, type ResourceProvider, UNKNOWN } from '../../../../engine/apply/provider';
import { createPostgresqlProvider } from '../../../../engine/apply/providers/postgresql';
import { failureOf } from '../../../postgres/roles/support';
import { configOf, DATABASE, DEFAULTS, EXTENSION, GRANT, ROLE } from './driven';

describe('the stand-in of the postgresql provider, without a server,', () => {
  const provider = createPostgresqlProvider(configOf({ port: '1' }));

  it('says what has to be replaced, and what before it is made again', async () => {
    const diff = (type: string, olds: Properties, news: Properties): ReturnType<ResourceProvider['diff']> =>
      provider.diff(type, 'x', olds, olds, news);
    const grant = { role: 'a', database: 'd', objectType: 'table', schema: 's', privileges: ['SELECT'] };
    expect(await diff(GRANT, grant, { ...grant, objects: ['t'] })).toEqual({
      changed: ['objects'],
      replaces: ['objects'],
      deleteBeforeReplace: true,
    });
    expect(await diff(GRANT, grant, { ...grant, privileges: ['INSERT'] })).toEqual({
      changed: ['privileges'],
      replaces: [],
    });
    expect((await diff(DATABASE, { name: 'd', encoding: 'UTF8' }, { name: 'd', encoding: 'LATIN1' })).replaces).toEqual(
      ['encoding'],
    );
    expect((await diff(DATABASE, { name: 'd', owner: 'o', encoding: 'UTF8' }, { name: 'd' })).changed).toEqual([]);
    expect((await diff(EXTENSION, { name: 'a', database: 'd' }, { name: 'a', database: 'e' })).replaces).toEqual([
      'database',
    ]);
    expect((await diff(ROLE, { name: 'a', roles: ['x', 'y'] }, { name: 'a', roles: ['y', 'x', 'x'] })).changed).toEqual(
      [],
    );
    expect((await diff(ROLE, { name: 'a', password: 'x' }, { name: 'a', password: UNKNOWN })).changed).toEqual([
      'password',
    ]);
  });

  it('refuses, by name, what it does not apply or PostgreSQL would not take', async () => {
    const reasons = async (type: string, news: Properties): Promise<string[]> =>
      (await provider.check(type, undefined, news)).failures.map(({ property, reason }) => `${property}: ${reason}`);
    const grant = { role: 'a', database: 'd', objectType: 'table', schema: 's', privileges: ['SELECT'] };
    const cases: [string, Properties, RegExp][] = [
      [ROLE, { name: 'a', validUntil: '2030-01-01' }, /^validUntil: .*does not apply.*it applies name, password/],
      [ROLE, {}, /^name: is missing/],
      [ROLE, { name: '' }, /^name: is empty/],
      [ROLE, { name: 'ä'.repeat(32) }, /^name: is 64 bytes long/],
      [ROLE, { name: 'a\0b' }, /NUL/],
      [ROLE, { name: 'pg_mine' }, /keeps for itself/],
      [ROLE, { name: 'a', connectionLimit: -2 }, /^connectionLimit: is -2/],
      [ROLE, { name: 'a', connectionLimit: 1.5 }, /expected a whole number/],
      [ROLE, { name: 'a', login: 'yes' }, /^login: is "yes", expected true or false/],
      [ROLE, { name: 'a', roles: ['b', 1] }, /expected a list of texts/],
      [ROLE, { name: 'a', roles: ['x'.repeat(64)] }, /^roles: is 64 bytes/],
      [DATABASE, { name: 'a', tablespaceName: 'fast' }, /^tablespaceName: .*does not apply/],
      [EXTENSION, { name: 'pg_trgm' }, /^database: is missing/],
      [GRANT, { ...grant, objectType: 'column' }, /^objectType: is column/],
      [GRANT, { ...grant, privileges: ['select'] }, /^privileges: select is no privilege on a table/],
      [GRANT, { ...grant, schema: null }, /^schema: is missing/],
      [GRANT, { ...grant, objectType: 'schema', privileges: [], objects: ['x'] }, /^objects: cannot be given/],
      [GRANT, { ...grant, withGrantOption: true }, /^withGrantOption: .*does not apply/],
      [DEFAULTS, { ...grant, owner: 'o', objectType: 'schema' }, /^objectType: is schema/],
    ];
    for (const [type, news, expected] of cases)
      expect((await reasons(type, news)).join('\n'), expected.source).toMatch(expected);
    expect(await reasons(ROLE, { name: UNKNOWN, password: UNKNOWN, roles: UNKNOWN, connectionLimit: UNKNOWN })).toEqual(
      [],
    );
    const schema = await failureOf(
      Promise.resolve().then(() => provider.check('postgresql:index/schema:Schema', undefined, {})),
    );
    expect([schema.code, schema.kind]).toEqual(['type-unsupported', 'refused']);
  });
});
