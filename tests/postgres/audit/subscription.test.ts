import { Client } from 'pg';
import { describe, expect, it } from 'vitest';

import { embeddedBinaries, installedBinaries, startCluster } from '../../support/cluster';
import { eventually } from '../../support/eventually';
import { auditedDatabase } from './support';

const SCHEMA = 'CREATE TABLE "Student" (id int PRIMARY KEY, name text)';

describe.each([
  ['the installed PostgreSQL', installedBinaries],
  ['the npm binaries', embeddedBinaries],
])('a subscription, on %s,', (_which, find) => {
  it('has its rows recorded from the statement that makes it, and after the next up as well', async (ctx) => {
    const binaries = find();
    if (binaries === undefined) return ctx.skip('it is not there');
    const server = await startCluster(binaries, 'wal_level = logical\n');
    const { host, port, user, password } = server;
    const target = await auditedDatabase(
      'audit_sub',
      SCHEMA,
      { tables: [{ schema: 'public', table: 'Student' }] },
      server,
    );
    const admin = new Client({ host, port, user, password, database: 'postgres' });
    const source = new Client({ host, port, user, password, database: 'source' });
    /** What the trail got, once it has as many rows. */
    const recorded = async (count: number): Promise<unknown[]> => {
      const found: unknown[] = [];
      await eventually(`${count} rows of the trail`, async () => {
        const rows = await target.recorded();
        found.push(...rows.map(({ operation, key }) => [operation, key?.id]));
        return found.length >= count ? true : undefined;
      });
      return found;
    };
    try {
      await admin.connect();
      await admin.query('CREATE DATABASE source');
      await source.connect();
      await source.query(
        `${SCHEMA}; INSERT INTO "Student" VALUES (1, 'there before'); CREATE PUBLICATION all_of_it FOR ALL TABLES`,
      );
      await source.query(`SELECT pg_create_logical_replication_slot('slot', 'pgoutput')`);
      await target.up();
      // In one server the slot has to be there already, or the two would wait for each other.
      await target.admin
        .query(`CREATE SUBSCRIPTION s CONNECTION 'host=${host} port=${port} user=${user} password=${password} dbname=source'
        PUBLICATION all_of_it WITH (create_slot = false, slot_name = 'slot')`);
      expect(await recorded(1)).toEqual([['INSERT', 1]]);
      await eventually('the table follows', async () => {
        const { rows } = await target.admin.query(`SELECT FROM pg_subscription_rel WHERE srsubstate = 'r'`);
        return rows.length === 1 ? true : undefined;
      });
      const work = async (): Promise<void> => {
        for (const sql of [
          `INSERT INTO "Student" VALUES (2)`,
          `UPDATE "Student" SET name = 'x' WHERE id = 2`,
          `DELETE FROM "Student" WHERE id = 2`,
          `TRUNCATE "Student"`,
        ])
          await source.query(sql);
      };
      const expected = [
        ['INSERT', 2],
        ['UPDATE', 2],
        ['DELETE', 2],
        ['TRUNCATE', undefined],
      ];
      await work();
      expect(await recorded(4)).toEqual(expected);
      expect((await target.plan()).steps.length).toBeGreaterThan(0);
      await target.up();
      expect((await target.plan()).steps).toEqual([]);
      await work();
      expect(await recorded(4)).toEqual(expected);
      await target.admin.query(`DROP SUBSCRIPTION s`);
    } finally {
      await source.end().catch(() => undefined);
      await admin.end().catch(() => undefined);
      await target.drop().catch(() => undefined);
      await server.stop();
    }
  });
});
