import { Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Pooler, startPooler, WITHOUT_POOLER } from './pooler';
import { type AuditedDatabase, auditedDatabase } from './support';

const CLIENTS = 20;
const ROUNDS = 40;

let database: AuditedDatabase;
let pooler: Pooler | undefined;
beforeAll(async () => {
  const SCHEMA =
    'CREATE TABLE "Student" (id bigserial PRIMARY KEY, who text, name text); CREATE TABLE "Row" (id text PRIMARY KEY, who text)';
  const tables = ['Student', 'Row'].map((table) => ({ schema: 'public', table }));
  database = await auditedDatabase('audit_users', SCHEMA, { tables, hashChain: true });
  await database.up();
  const { app, migrator } = database.roles;
  if (WITHOUT_POOLER === undefined) pooler = await startPooler(database.server, [app, migrator], 3);
  else console.log(`Skipped: ${WITHOUT_POOLER}`);
});
afterAll(async () => {
  await pooler?.stop();
  await database.drop();
});

const pool = (port: number, user: keyof AuditedDatabase['roles'], max: number): Pool =>
  new Pool({
    host: database.server.host,
    port,
    user: database.roles[user],
    password: 'test',
    database: database.name,
    max,
  });

/** As app/database.ts does it: the user for one transaction. `who` is what the row itself says of it. */
async function change(client: PoolClient, who: string | undefined, key: string, round: number): Promise<void> {
  await client.query('BEGIN');
  if (who !== undefined) await client.query(`SELECT set_config('app.current_user_id', $1, true)`, [who]);
  await client.query(`INSERT INTO "Row" VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET who = EXCLUDED.who`, [key, who]);
  if (round % 3 === 1)
    await client.query(`INSERT INTO "Row" SELECT $1 || g, $2 FROM generate_series(1, 3) g`, [`${key}:${round}:`, who]);
  if (round % 5 === 2)
    await client
      .query(`SAVEPOINT s`)
      .then(() => client.query('SELECT 1 / 0').catch(() => client.query('ROLLBACK TO s')));
  await client.query(round % 7 === 3 ? 'ROLLBACK' : 'COMMIT');
}

async function everybody(shared: Pool): Promise<number> {
  await database.admin.query('TRUNCATE "Row"');
  await database.recorded();
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, number) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const client = await shared.connect();
        try {
          // Some forget to say who they are: theirs must be nobody's, never the one's before on the same connection.
          await change(
            client,
            (number + round) % 6 === 0 ? undefined : `user-${number}-${round}`,
            `client-${number}`,
            round,
          );
        } finally {
          client.release();
        }
      }
    }),
  );
  const rows = await database.recorded();
  const wrong = rows.filter((row) => row.user_id !== (row.new_data?.who ?? null));
  expect(wrong).toEqual([]);
  return rows.length;
}

describe.sequential('the application’s user', () => {
  it('is each row’s own, with many clients on a few connections', async () => {
    const shared = pool(database.server.port, 'app', 5);
    expect(await everybody(shared)).toBeGreaterThan(CLIENTS * ROUNDS);
    await shared.end();
  });

  it('through PgBouncer in transaction mode too', async (ctx) => {
    if (pooler === undefined) return ctx.skip(WITHOUT_POOLER);
    const shared = pool(pooler.port, 'app', CLIENTS);
    expect(await everybody(shared)).toBeGreaterThan(CLIENTS * ROUNDS);
    const { rows } = await database.admin.query(
      `SELECT count(DISTINCT pid)::int <= 3 AS few FROM pg_stat_activity WHERE usename = $1`,
      [database.roles.app],
    );
    expect(rows).toEqual([{ few: true }]);
    await shared.end();
  });

  it('no more than a suspension survives its transaction on a pooled connection', async (ctx) => {
    if (pooler === undefined) return ctx.skip(WITHOUT_POOLER);
    const shared = pool(pooler.port, 'migrator', 8);
    await database.recorded();
    await shared.query(`BEGIN; SELECT audit.suspend('load'); INSERT INTO "Row" VALUES ('unseen'); COMMIT`);
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => shared.query(`INSERT INTO "Row" VALUES ($1)`, [`seen-${index}`])),
    );
    await shared.end();
    expect((await database.recorded()).map(({ key }) => key?.id).sort()).toEqual(
      Array.from({ length: 8 }, (_, index) => `seen-${index}`),
    );
  });
});
