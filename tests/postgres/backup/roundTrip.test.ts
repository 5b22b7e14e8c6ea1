import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { planAudit } from '../../../postgres/audit/plan/plan';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import { verifyChain } from '../../../postgres/audit/reading/verify';
import type { MadeBackup } from '../../../postgres/backup/make';
import { amcheck } from '../../../postgres/backup/restore/amcheck';
import { openClient, withClient } from '../../../postgres/connection/client';
import { startCluster, type TestCluster } from '../../support/cluster';
import { type AuditedDatabase, auditedDatabase, sealChain } from '../audit/support';
import { LEDGERS, objects, ROLES, roles } from './everything';
import {
  type BackupFolders,
  backupFolders,
  contentOf,
  databasesOf,
  DUMP_BINARIES,
  leftIn,
  rehearse,
  restoreInto,
  rolesOf,
  schemaOf,
  takeBackup,
  targetOf,
  WITHOUT_DUMP,
  WITHOUT_ZSTD,
} from './support';

const NAME = 'round_trip';
const AUDITED = `CREATE TABLE "Student" (id serial PRIMARY KEY, name text); CREATE TABLE "Lesson" (id int PRIMARY KEY)`;

let cluster: TestCluster;
let database: AuditedDatabase;
let folders: BackupFolders;

beforeAll(async () => {
  if (DUMP_BINARIES === undefined) return;
  cluster = await startCluster(DUMP_BINARIES, `wal_level = logical\n`);
  folders = backupFolders();
  const tables = [
    { schema: 'public', table: 'Student' },
    { schema: 'public', table: 'Lesson' },
  ];
  database = await auditedDatabase('bk_trip', AUDITED, { tables, hashChain: true, monthsAhead: 2 }, cluster, NAME);
  await database.up();
  await database.admin.query(
    `INSERT INTO "Student" (name) SELECT n FROM generate_series(1, 50) AS n; UPDATE "Student" SET name = 'x' WHERE id < 9`,
  );
  await database.admin.query(roles(NAME, database.roles.backup));
  await database.admin.query(objects(database.roles.backup));
}, 60_000);
afterAll(async () => {
  folders?.remove();
  await cluster?.stop();
});

const backupTarget = () => targetOf(cluster, NAME, database.roles.backup);

/** Writes to everything that the round trip writes to, until it is stopped; each transaction adds the same to both ledgers. */
function writing(): { stop(): Promise<number> } {
  let isOver = false;
  const work = async (client: Client): Promise<number> => {
    let transactions = 0;
    for (; !isOver; transactions += 1) {
      const amount = transactions % 100;
      await client.query(
        `BEGIN; INSERT INTO ${LEDGERS[0]} (amount) VALUES (${amount}), (${amount}); INSERT INTO ${LEDGERS[1]} (amount) VALUES (${amount * 2});
         INSERT INTO public."Student" (name) VALUES ('n'); UPDATE public."Student" SET name = name || '.' WHERE id % 7 = ${transactions % 7};
         DELETE FROM public."Student" WHERE id = (SELECT min(id) FROM public."Student"); COMMIT`,
      );
    }
    await client.end();
    return transactions;
  };
  const done = openClient(targetOf(cluster, NAME)).then(work);
  // A backup that fails is what the test tells.
  done.catch(() => undefined);
  return {
    stop: () => {
      isOver = true;
      return done;
    },
  };
}

/** The connection of `database` goes with the database. */
const disconnect = (): Promise<void> => database.admin.end().catch(() => undefined);
const asRoot = <T>(work: (client: Client) => Promise<T>, name = NAME): Promise<T> =>
  withClient(targetOf(cluster, name), work);

describe.skipIf(WITHOUT_DUMP !== undefined)(
  `a database with everything (${WITHOUT_DUMP ?? 'pg_dump is here'})`,
  { timeout: 120_000 },
  () => {
    let made: MadeBackup;
    let schema: string;
    let roleLines: string[];

    it('backed up under load, dropped with roles of its own, restored: all as it was in one moment', async () => {
      const load = writing();
      made = await takeBackup(backupTarget(), folders.directory, process.env['PATH'] ?? '');
      expect(await load.stop()).toBeGreaterThan(10);
      expect(leftIn(folders.directory)).toEqual([]);
      schema = await schemaOf(cluster, NAME);
      roleLines = await rolesOf(cluster, ROLES);
      await disconnect();
      await asRoot(async (client) => {
        await client.query(`DROP DATABASE ${NAME} WITH (FORCE)`);
        await client.query('DROP ROLE bk_limited, "bk_Odd ""role"" \\ name", bk_group');
      }, 'postgres');

      const restored = await restoreInto(cluster, NAME, made, process.env['PATH'] ?? '');

      expect(restored.kept).toBeUndefined();
      expect(restored.madeRoles).toEqual(['bk_Odd "role" \\ name', 'bk_group', 'bk_limited']);
      expect(await schemaOf(cluster, NAME)).toBe(schema);
      expect(await rolesOf(cluster, ROLES)).toEqual(roleLines);
      expect(await databasesOf(cluster, NAME)).toEqual([NAME]);
      expect(leftIn(folders.directory)).toEqual([]);
    });

    it('has the rows of that moment in every table, and sequences that go on behind them', async () => {
      await asRoot(async (client) => {
        const { rows } = await client.query<Record<string, number>>(
          `SELECT (SELECT count(*)::int FROM ${LEDGERS[0]}) AS one, (SELECT sum(amount)::int FROM ${LEDGERS[0]}) AS sum, (SELECT count(*)::int FROM ${LEDGERS[1]}) AS two, (SELECT sum(amount)::int FROM ${LEDGERS[1]}) AS "otherSum"`,
        );
        const [{ one = 0, two = 0, sum, otherSum } = {}] = rows;
        expect({ one, sum }).toEqual({ one: two * 2, sum: otherSum });
        for (const { schema: inSchema, name, rows: expected } of made.manifest.tables) {
          const { rows: counted } = await client.query<{ rows: number }>(
            `SELECT count(*)::int AS rows FROM ONLY ${client.escapeIdentifier(inSchema)}.${client.escapeIdentifier(name)}`,
          );
          expect({ name, rows: counted[0]?.rows }).toEqual({ name, rows: expected });
        }
        await client.query(
          `INSERT INTO public."Student" (name) VALUES ('new'); INSERT INTO ${LEDGERS[0]} (amount) VALUES (0); INSERT INTO ${LEDGERS[1]} (amount) VALUES (0)`,
        );
        await client.query(`DELETE FROM public."Student" WHERE name = 'new'`);
      });
    });

    it('is sound, and its audit trail records, seals and verifies on', async () => {
      await asRoot(async (client) => {
        const { steps, problems } = planAudit(database.spec, await readAudit(client, database.spec), new Date());
        expect({ steps, problems }).toEqual({ steps: [], problems: [] });
        await client.query(
          `UPDATE public."Student" SET name = 'again' WHERE id = (SELECT max(id) FROM public."Student")`,
        );
        const { rows } = await client.query<{ data: unknown }>(
          'SELECT new_data AS data FROM audit.audit_log ORDER BY id DESC LIMIT 1',
        );
        expect(rows).toMatchObject([{ data: { name: 'again' } }]);
        expect(await sealChain(client)).not.toEqual([]);
        const { months } = await verifyChain(client, database.spec);
        expect(months.flatMap(({ problems: found }) => found)).toEqual([]);
      });
      expect(await asRoot(amcheck)).toMatchObject({ available: true, problems: [] });
      await asRoot((client) => client.query('DROP EXTENSION amcheck'));
    });

    it('can be rehearsed, which leaves nothing', async () => {
      expect(await rehearse(cluster, NAME, made, process.env['PATH'] ?? '')).toMatchObject({
        available: true,
        problems: [],
      });
      expect(await databasesOf(cluster, NAME)).toEqual([NAME]);
    });

    it.each([
      { how: 'directory, zstd', layout: 'directory' as const, compress: true, zstd: true, method: 'zstd' },
      {
        how: 'directory, gzip where zstd is missing',
        layout: 'directory' as const,
        compress: true,
        zstd: false,
        method: 'gzip',
      },
      { how: 'directory, not compressed', layout: 'directory' as const, compress: false, zstd: true, method: 'none' },
      { how: 'one script, gzip', layout: 'plain' as const, compress: true, zstd: true, method: 'gzip' },
    ])('$how: comes back the same over the live one, which is kept', async ({ layout, compress, zstd, method }) => {
      const path = zstd && WITHOUT_ZSTD === undefined ? folders.withZstd : folders.withoutZstd;
      const [content, before] = [await contentOf(cluster, NAME), await schemaOf(cluster, NAME)];
      expect(Object.keys(content).length).toBeGreaterThan(25);
      const backup = await takeBackup(backupTarget(), folders.directory, path, { layout, compress });
      expect(backup.manifest).toMatchObject({
        layout,
        compression: zstd && WITHOUT_ZSTD !== undefined && compress ? 'gzip' : method,
      });
      await asRoot((client) =>
        client.query('DELETE FROM public.values; SELECT lo_unlink(4242); DROP TABLE public.ref'),
      );

      const { kept } = await restoreInto(cluster, NAME, backup, path);

      expect(await contentOf(cluster, NAME)).toEqual(content);
      expect(await schemaOf(cluster, NAME)).toBe(before);
      expect(await databasesOf(cluster, NAME)).toEqual([NAME, kept]);
      expect((await contentOf(cluster, kept ?? ''))['public."values"']).toMatch(/^0 /);
      await asRoot((client) => client.query(`DROP DATABASE "${kept}"`), 'postgres');
    });
  },
);
