import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MadeBackup } from '../../../postgres/backup/make';
import { datedName, isDatedName } from '../../../postgres/backup/restore/database';
import { keptDatabases } from '../../../postgres/backup/restore/restore';
import { withClient } from '../../../postgres/connection/client';
import { startCluster, type TestCluster } from '../../support/cluster';
import { eventually } from '../../support/eventually';
import { startPooler, WITHOUT_POOLER } from '../audit/pooler';
import {
  type BackupFolders,
  backupFolders,
  contentOf,
  databasesOf,
  DUMP_BINARIES,
  leftIn,
  restoreInto,
  schemaOf,
  takeBackup,
  targetOf,
  WITHOUT_DUMP,
} from './support';

const USER = 'bk_client';
const path = process.env['PATH'] ?? '';

let cluster: TestCluster;
let folders: BackupFolders;
beforeAll(async () => {
  if (DUMP_BINARIES === undefined) return;
  cluster = await startCluster(DUMP_BINARIES, 'max_prepared_transactions = 5\n');
  folders = backupFolders();
  await inPostgres(`CREATE ROLE ${USER} LOGIN PASSWORD 'test'`);
}, 60_000);
afterAll(async () => {
  folders?.remove();
  await cluster?.stop();
});

const inPostgres = (sql: string): Promise<unknown> =>
  withClient(targetOf(cluster, 'postgres'), (client) => client.query(sql));

/** A database with a table that a client may write to, and a backup of it with 3 rows. */
async function backedUp(name: string): Promise<MadeBackup> {
  await inPostgres(`CREATE DATABASE "${name.replaceAll('"', '""')}"`);
  await withClient(targetOf(cluster, name), (client) =>
    client.query(
      `CREATE TABLE public.t (id bigserial PRIMARY KEY, who text); INSERT INTO public.t (who) VALUES ('a'), ('b'), ('c'); GRANT ALL ON public.t TO ${USER}; GRANT ALL ON SEQUENCE public.t_id_seq TO ${USER}`,
    ),
  );
  return takeBackup(targetOf(cluster, name), folders.directory, path);
}

/** Writes on and on, and connects again at once whenever that fails, as poolers and applications do. */
function stubbornClients(port: number, database: string, count: number): { stop(): Promise<number[]> } {
  let isOver = false;
  const work = async (): Promise<number> => {
    let written = 0;
    while (!isOver) {
      const client = new Client({ host: '127.0.0.1', port, database, user: USER, password: 'test' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!isOver) {
          await client.query(`INSERT INTO public.t (who) VALUES ('client')`);
          written += 1;
        }
      } catch {
        // Again at once.
      }
      await client.end().catch(() => undefined);
    }
    return written;
  };
  const all = Promise.all(Array.from({ length: count }, work));
  return {
    stop: () => {
      isOver = true;
      return all;
    },
  };
}

const clientRows = async (name: string): Promise<number> =>
  withClient(targetOf(cluster, name), async (client) => {
    const { rows } = await client.query<{ rows: number }>(
      `SELECT count(*)::int AS rows FROM public.t WHERE who = 'client'`,
    );
    return rows[0]?.rows ?? -1;
  });

describe.skipIf(WITHOUT_DUMP !== undefined)(
  `a restore (${WITHOUT_DUMP ?? 'pg_dump is here'})`,
  { timeout: 60_000 },
  () => {
    it.for(['clients that connect again at once', 'PgBouncer'])(
      'swaps under %s, which go on in the restored one',
      async (through, context) => {
        if (through === 'PgBouncer' && WITHOUT_POOLER !== undefined) return context.skip(WITHOUT_POOLER);
        const name = through === 'PgBouncer' ? 'bk_pooled' : 'bk_direct';
        const made = await backedUp(name);
        const pooler = through === 'PgBouncer' ? await startPooler(cluster, [USER], 4) : undefined;
        const clients = stubbornClients(pooler?.port ?? cluster.port, name, 8);
        await eventually('clients write', async () => ((await clientRows(name)) > 20 ? true : undefined));

        const { kept = '' } = await restoreInto(cluster, name, made, path);

        const inKept = await clientRows(kept);
        await eventually('clients write on', async () => ((await clientRows(name)) > 20 ? true : undefined));
        await clients.stop();
        await pooler?.stop();
        expect(await clientRows(kept)).toBe(inKept);
        expect(await databasesOf(cluster, name)).toEqual([name, kept]);
        await expect(
          withClient({ ...targetOf(cluster, kept, USER), password: 'test' }, () => Promise.resolve()),
        ).rejects.toMatchObject({ code: 'too-many-connections' });
      },
    );

    it.each(['BK "quoted" name', "bk'=\\ odd", `bk${'ä'.repeat(30)}x`, 'dbname=postgres', 'postgresql://x'])(
      'works for a database called %s, and finds those it put aside',
      async (name) => {
        const made = await backedUp(name);
        const [content, schema] = [await contentOf(cluster, name), await schemaOf(cluster, name)];
        await withClient(targetOf(cluster, name), (client) => client.query('DELETE FROM public.t'));
        const { kept = '' } = await restoreInto(cluster, name, made, path);
        expect(await contentOf(cluster, name)).toEqual(content);
        expect(await schemaOf(cluster, name)).toBe(schema);
        expect(await withClient(targetOf(cluster, 'postgres'), (client) => keptDatabases(client, name))).toEqual([
          kept,
        ]);
      },
    );

    it('tells the names that it gives to two long databases apart', () => {
      const [one, two] = ['a', 'b'].map((last) => `${'long'.repeat(15)}xx${last}`) as [string, string];
      const at = new Date();
      expect(isDatedName(datedName(one, 'before', at), one, 'before')).toBe(true);
      expect(isDatedName(datedName(one, 'before', at), two, 'before')).toBe(false);
      expect(Buffer.byteLength(datedName(one, 'before', at))).toBeLessThanOrEqual(63);
      expect(datedName('😀'.repeat(15), 'before', at)).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    });

    it('is refused while a prepared transaction holds the live one, and names it', async () => {
      const made = await backedUp('bk_prepared');
      await withClient(targetOf(cluster, 'bk_prepared'), (client) =>
        client.query(`BEGIN; INSERT INTO public.t (who) VALUES ('prepared'); PREPARE TRANSACTION 'pay 7'`),
      );
      await expect(restoreInto(cluster, 'bk_prepared', made, path)).rejects.toMatchObject({
        code: 'database-in-use',
        message: expect.stringContaining('pay 7') as string,
        remedy: expect.stringContaining('COMMIT PREPARED') as string,
      });
      expect(await databasesOf(cluster, 'bk_prepared')).toEqual(['bk_prepared']);
      await withClient(targetOf(cluster, 'bk_prepared'), (client) => client.query(`COMMIT PREPARED 'pay 7'`));
      expect(await restoreInto(cluster, 'bk_prepared', made, path)).toMatchObject({ tables: 1, rows: 3 });
    });

    it('of a newer server’s backup is refused', async () => {
      const made = await backedUp('bk_newer');
      const manifest = { ...made.manifest, server: { version: '99.1', major: 99 } };
      await expect(restoreInto(cluster, 'bk_newer', { ...made, manifest }, path)).rejects.toMatchObject({
        code: 'backup-newer',
        kind: 'refused',
        message: expect.stringContaining('99.1') as string,
      });
      expect(leftIn(folders.directory)).toEqual([]);
    });

    it('that is ended in any phase leaves the live one, and nothing else', async () => {
      const made = await backedUp('bk_ended');
      for (const at of ['read', 'restore', 'compare', 'swap']) {
        const abort = new AbortController();
        const reason = new Error('interrupted');
        const onPhase = (phase: string): void => {
          if (phase === at) abort.abort(reason);
        };
        await expect(restoreInto(cluster, 'bk_ended', made, path, { signal: abort.signal, onPhase }), at).rejects.toBe(
          reason,
        );
        expect(await databasesOf(cluster, 'bk_ended')).toEqual(['bk_ended']);
        expect(leftIn(folders.directory)).toEqual([]);
      }
    });
  },
);
