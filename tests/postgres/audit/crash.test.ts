import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bringUpAudit } from '../../../postgres/audit/plan/apply';
import { planLines } from '../../../postgres/audit/plan/plan';
import type { AuditSpec } from '../../../postgres/spec';
import { compileInto, ROOT } from '../../support/compiled';
import { type AuditedDatabase, auditedDatabase } from './support';

const SCHEMA = `CREATE TABLE "Student" (id serial PRIMARY KEY, name text, secret text); CREATE TABLE "Note" (id int PRIMARY KEY);
CREATE TABLE "Extra" (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE "Extra_1" PARTITION OF "Extra" DEFAULT;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO public;`;
const table = (name: string): AuditSpec['tables'][number] => ({ schema: 'public', table: name });
const BEFORE: Partial<AuditSpec> = { tables: [table('Student'), table('Note')], hashChain: false, monthsAhead: 1 };
/** A table less and one more, other rules, triggers of another level, a chain, months. */
const AFTER: Partial<AuditSpec> = {
  tables: [{ ...table('Student'), redact: ['secret'] }, table('Extra')],
  hashChain: true,
  monthsAhead: 3,
};

let database: AuditedDatabase;
let app: Client;
beforeAll(async () => {
  database = await auditedDatabase('audit_crash', SCHEMA, BEFORE);
  await database.up();
  app = await database.as('app');
});
afterAll(() => database.drop());

const linesTo = async (wanted: Partial<AuditSpec>): Promise<string[]> => {
  Object.assign(database.spec, wanted);
  return planLines(await database.plan());
};

/** Whatever was left: the audited table is recorded, and no row of the trail is gone. */
async function expectRecording(rowsBefore: number): Promise<number> {
  await database.recorded();
  await app.query(
    `INSERT INTO "Student" (id, name) VALUES (-1, 'x'); UPDATE "Student" SET name = 'y' WHERE id = -1; DELETE FROM "Student" WHERE id = -1`,
  );
  expect((await database.recorded()).map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'DELETE']);
  const { rows } = await database.admin.query<{ count: number }>('SELECT count(*)::int AS count FROM audit.audit_log');
  const count = rows[0]?.count ?? 0;
  expect(count).toBeGreaterThanOrEqual(rowsBefore + 3);
  return count;
}

/** A connection whose server process is ended right before its statement number `at`; says how many there were. */
async function dyingAt(at: number): Promise<{ client: Client; count: () => number }> {
  const client = await database.connect(database.server.user, database.server.password);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const query = client.query.bind(client) as (...parameters: unknown[]) => Promise<unknown>;
  let count = 0;
  Object.assign(client, {
    query: async (...parameters: unknown[]) => {
      count += 1;
      if (count === at) await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      return query(...parameters);
    },
  });
  return { client, count: () => count };
}

it('the death of the server process before any statement leaves what was or what is wanted; the next run converges', async () => {
  const whole = await linesTo(AFTER);
  expect(whole.length).toBeGreaterThan(15);
  let rows = await expectRecording(0);
  const left = new Set<string>();
  for (let at = 1; ; at += 1) {
    const { client, count } = await dyingAt(at);
    await bringUpAudit(client, database.spec, { lockTimeoutMs: 2000 }).catch(() => undefined);
    if (count() < at) break;
    rows = await expectRecording(rows);
    const now = await linesTo(AFTER);
    if (now.length === whole.length) continue;
    left.add(now.join('\n'));
    await database.up();
    expect(await linesTo(AFTER)).toEqual([]);
    Object.assign(database.spec, BEFORE);
    await database.up();
    rows = await expectRecording(rows);
    Object.assign(database.spec, AFTER);
  }
  // Half done it was never: all of it, or all but the upkeep that follows the transaction.
  expect([...left].filter((lines) => lines !== '' && !/^~ partitions: create \S+, \S+$/.test(lines))).toEqual([]);
  expect(await linesTo(AFTER)).toEqual([]);
  Object.assign(database.spec, BEFORE);
  await database.up();
}, 180_000);

describe('SIGKILL of the process that brings it up', () => {
  let compiled: string;
  beforeAll(() => {
    compiled = compileInto('coach-audit-', [
      'postgres',
      'postgres/connection',
      'postgres/steps',
      ...['', '/sql', '/plan'].map((room) => `postgres/audit${room}`),
    ]);
  });
  afterAll(() => rmSync(compiled, { recursive: true }));

  it.each([6, 30, 50])(
    'before statement %i: the next run waits for what is left of it and converges',
    async (stopAt) => {
      Object.assign(database.spec, BEFORE);
      await database.up();
      const rows = await expectRecording(0);
      const { host, port, user, password } = database.server;
      const target = { host, port, user, password, database: database.name };
      const spec = { ...database.spec, ...AFTER };
      const child = spawn(
        process.execPath,
        [join(__dirname, 'bringingUp.cjs'), JSON.stringify({ compiled, target, spec, stopAt })],
        {
          env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const said = await new Promise<string>((resolve) =>
        child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
      );
      expect(said).toBe('stopped');
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      await expectRecording(rows);
      Object.assign(database.spec, AFTER);
      await database.up();
      expect(await linesTo(AFTER)).toEqual([]);
    },
  );
});

describe('while others write', () => {
  it('rules and levels change to and fro, and no change goes unrecorded', async () => {
    await database.recorded();
    const until = Date.now() + 2500;
    const writers = await Promise.all([1, 2, 3].map(() => database.as('app')));
    const written = await Promise.all([
      ...writers.map(async (client, index) => {
        let count = 0;
        for (; Date.now() < until; count += 1) {
          const { rows } = await client.query<{ id: number }>(`INSERT INTO "Student" (name) VALUES ($1) RETURNING id`, [
            `w${index}`,
          ]);
          await client.query(`UPDATE "Student" SET name = name || '!' WHERE id = $1`, [rows[0]?.id]);
          await client.query(`DELETE FROM "Student" WHERE id = $1`, [rows[0]?.id]);
        }
        return count;
      }),
      (async () => {
        while (Date.now() < until) {
          for (const spec of [BEFORE, AFTER]) await database.up(spec);
          await database.admin.query(
            `CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
          );
          // A row trigger of the application makes the recorder one by row, and back.
          await database.admin.query(
            `CREATE TRIGGER own AFTER INSERT OR DELETE ON "Student" FOR EACH ROW EXECUTE FUNCTION nothing()`,
          );
          await database.up();
          await database.admin.query(`DROP TRIGGER own ON "Student"`);
        }
        return 0;
      })(),
    ]);
    const total = written.reduce((sum, count) => sum + count, 0);
    const rows = await database.recorded();
    const counted = ['INSERT', 'UPDATE', 'DELETE'].map(
      (kind) => rows.filter(({ operation }) => operation === kind).length,
    );
    expect(counted).toEqual([total, total, total]);
    expect(total).toBeGreaterThan(10);
  });

  it('a table in long use stops it for a time, with what to do, and nothing is half changed', async () => {
    const writer = await database.as('app');
    await writer.query(`BEGIN; INSERT INTO "Student" (name) VALUES ('long')`);
    const whole = await linesTo(BEFORE);
    const failed: unknown = await bringUpAudit(database.admin, database.spec, {
      lockTimeoutMs: 50,
      waitMs: 100,
    }).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 'audit-busy',
      kind: 'locked',
      remedy: expect.stringContaining('again') as unknown,
    });
    expect(await linesTo(BEFORE)).toEqual(whole);
    await writer.query('COMMIT');
    await database.up();
    expect(await linesTo(BEFORE)).toEqual([]);
  });

  it('two runs at once: one does it, the other finds it done', async () => {
    Object.assign(database.spec, AFTER);
    const clients = await Promise.all(
      [1, 2].map(() => database.connect(database.server.user, database.server.password)),
    );
    const plans = await Promise.all(clients.map((client) => bringUpAudit(client, database.spec)));
    expect(plans.map(({ steps }) => steps.length > 0).sort()).toEqual([false, true]);
  });
});
