import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type Attack,
  attacksAround,
  attacksInside,
  attempt,
  OUTSIDE,
  pattern,
  SCHEMA,
  TABLE_ATTACKS,
  TABLES,
  WRONG_TIMES,
} from './attacks';
import { type AuditedDatabase, auditedDatabase, type Recorded, type Roles } from './support';

let database: AuditedDatabase;
let month: string;

beforeAll(async () => {
  database = await auditedDatabase('audit_attack', SCHEMA, { tables: TABLES, hashChain: true });
  await database.up();
  const { rows } = await database.admin.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relname ~ '^audit_log_\\d' AND relkind = 'r' ORDER BY 1 LIMIT 1`,
  );
  month = rows[0]?.name ?? '';
  await database.admin.query(`INSERT INTO "Student" VALUES ('a', 'Ana', 'hunter2')`);
});
afterAll(() => database.drop());

/** The trail's rows, all of them, as one text. */
async function content(): Promise<string> {
  const { rows } = await database.admin.query<{ all: string }>(
    `SELECT string_agg(t::text, E'\\n' ORDER BY id) AS all FROM audit.audit_log t`,
  );
  return rows[0]?.all ?? '';
}

const ATTACKERS: { who: string; login: keyof Roles; setRole?: keyof Roles; hasUsage: boolean }[] = [
  { who: 'the application', login: 'app', hasUsage: false },
  { who: 'the migrator, a loader', login: 'migrator', hasUsage: true },
  { who: 'the migrator as owner of the tables', login: 'migrator', setRole: 'tableOwner', hasUsage: false },
  { who: 'the auditor', login: 'reader', hasUsage: true },
];

describe.each(ATTACKERS)('$who', ({ login, setRole, hasUsage }) => {
  it('can change nothing of the trail, whatever is tried, and is told what he lacks', async () => {
    const before = await content();
    const client = await database.as(login);
    if (setRole !== undefined) await client.query(`SET ROLE ${database.roles[setRole]}`);
    const inside = attacksInside(month).map((one) => (hasUsage ? one : { ...one, refused: OUTSIDE }));
    for (const { name, statements, refused } of [...inside, ...attacksAround(database)]) {
      expect(await attempt(client, ...statements.slice(0, -1)), name).toBe('done');
      expect(await attempt(client, ...statements.slice(-1)), name).toMatch(pattern(refused));
      await client.query('ROLLBACK');
      await client.query('DISCARD TEMP');
    }
    expect(await content()).toBe(before);
    expect((await database.plan()).steps).toEqual([]);
  });
});

/** As the owner of the tables, in a transaction that is taken back. */
async function expectRefused({ statements, refused }: Attack): Promise<void> {
  const client = await database.as('migrator');
  await client.query(`SET ROLE ${database.roles.tableOwner}; BEGIN`);
  try {
    expect(await attempt(client, ...statements.slice(0, -1))).toBe('done');
    expect(await attempt(client, ...statements.slice(-1))).toMatch(pattern(refused));
  } finally {
    await client.end();
  }
}

describe('the owner of the audited tables, whose triggers are his', () => {
  it.each(TABLE_ATTACKS)('is refused: $name', expectRefused);

  it.each(WRONG_TIMES)(
    'is refused any DDL while a recorder fires at the wrong time: $name',
    async ({ sql, refused }) => {
      const any = { name: 'any DDL', statements: ['CREATE TABLE any_other (id int)'] };
      await database.admin.query(sql);
      await expectRefused({ ...any, refused });
      await database.up();
      await expectRefused({ ...any, refused: 'done' });
    },
  );
});

describe('what an owner may do is recorded as it is', () => {
  /** Runs as the owner of the tables, in a transaction that is committed; the markers that came of it. */
  async function recordedOf(...statements: string[]): Promise<Recorded[]> {
    await database.recorded();
    const client = await database.as('migrator');
    await client.query(`SET ROLE ${database.roles.tableOwner}`);
    expect(await attempt(client, ...statements)).toBe('done');
    await client.end();
    expect((await database.plan()).problems).toEqual([]);
    return database.recorded({ all: true });
  }

  it('partitions made, attached, changed while detached, and dropped', async () => {
    const rows = await recordedOf(
      `CREATE TABLE "Event_2027" PARTITION OF "Event" FOR VALUES IN (2027)`,
      `INSERT INTO "Event" VALUES (1, 2027, 'before')`,
      `ALTER TABLE "Event" DETACH PARTITION "Event_2027"`,
      `UPDATE "Event_2027" SET what = 'unseen'`,
      `ALTER TABLE "Event" ATTACH PARTITION "Event_2027" FOR VALUES IN (2027)`,
      `TRUNCATE "Event_2027"`,
      `DROP TABLE "Event_2027"`,
    );
    const seen = rows.map(({ operation, table_name: table, marker }) => [
      operation,
      table,
      marker?.children ?? marker?.dropped,
    ]);
    const both = ['public."Event_2026"', 'public."Event_2027"'];
    expect(seen).toEqual(
      expect.arrayContaining([
        ['DDL', 'Event', both],
        ['INSERT', 'Event', undefined],
        ['DDL', 'Event', ['public."Event_2026"']],
        ['TRUNCATE', 'Event', undefined],
        ['DDL', 'Event_2027', true],
      ]),
    );
    expect((await database.plan()).steps).toEqual([]);
  });

  it('a trigger of one’s own that changes the row, a rule that sends it elsewhere, a new column', async () => {
    const rows = await recordedOf(
      `CREATE FUNCTION lie() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.name := 'changed'; RETURN NEW; END$$`,
      `CREATE TRIGGER lie BEFORE UPDATE ON "Student" FOR EACH ROW EXECUTE FUNCTION lie()`,
      `UPDATE "Student" SET name = 'asked for' WHERE id = 'a'`,
      `DROP TRIGGER lie ON "Student"`,
      `CREATE RULE away AS ON DELETE TO "Student" DO INSTEAD NOTHING`,
      `DELETE FROM "Student"`,
      `DROP RULE away ON "Student"`,
      `ALTER TABLE "Student" ADD COLUMN extra int DEFAULT 5`,
      `ALTER TABLE "Student" DROP COLUMN extra`,
    );
    expect(rows.map(({ operation, marker, new_data: row }) => [operation, marker?.command ?? row?.name])).toEqual([
      ['DDL', 'CREATE TRIGGER'],
      ['UPDATE', 'changed'],
      ['DDL', 'CREATE RULE'],
      ['DDL', 'ALTER TABLE'],
      ['DDL', 'ALTER TABLE'],
    ]);
  });

  it('a table that is renamed, and back', async () => {
    const rows = await recordedOf(
      `ALTER TABLE "Student" RENAME TO moved`,
      `INSERT INTO moved VALUES ('m')`,
      `ALTER TABLE moved RENAME TO "Student"`,
      `DELETE FROM "Student" WHERE id = 'm'`,
    );
    expect(rows.map(({ operation, table_name: table, marker }) => [operation, table, marker?.object])).toEqual([
      ['DDL', 'Student', 'public.moved'],
      ['INSERT', 'moved', undefined],
      ['DDL', 'Student', 'public."Student"'],
      ['DELETE', 'Student', undefined],
    ]);
  });

  it('recorders put on a table of one’s own are taken off at once', async () => {
    const client = await database.as('migrator');
    await client.query(`CREATE TEMP TABLE "Event" (id int PRIMARY KEY, year int, what text);
      CREATE TRIGGER "00_audit_insert" AFTER INSERT ON "Event" FOR EACH ROW EXECUTE FUNCTION audit."record_insert_public.Event"()`);
    await database.recorded();
    await client.query(`INSERT INTO pg_temp."Event" VALUES (666, 2026, 'forged')`);
    expect(await database.recorded()).toEqual([]);
  });
});

describe('what a session says about itself', () => {
  it('reaches only what it is asked for: login, times, transaction and suspension cannot be said', async () => {
    const client = await database.as('migrator');
    await database.recorded();
    await client.query(`SET ROLE ${database.roles.tableOwner}; SET application_name = 'forged';
      SET coach_audit.applying = 'on'; SET coach_audit.suspended = 'on'; SET app.current_user_id = 'claimed'`);
    expect(await attempt(client, `ALTER TABLE "Student" DISABLE TRIGGER ALL`)).toMatch(
      /^42501 ALTER TABLE is refused: table public\.Student is audited/,
    );
    await client.query(
      `BEGIN; SELECT set_config('coach_audit.suspended', txid_current()::text, true); INSERT INTO "Student" VALUES ('own'); COMMIT`,
    );
    const { rows } = await database.admin.query(
      `SELECT session_user_name, user_id, application_name, clock_time > now() - interval '1 minute' AS fresh, host(client_address) AS address
         FROM audit.audit_log WHERE operation = 'INSERT' ORDER BY id DESC LIMIT 1`,
    );
    const login = database.roles.migrator;
    expect(rows).toEqual([
      { session_user_name: login, user_id: 'claimed', application_name: 'forged', fresh: true, address: '127.0.0.1' },
    ]);
  });
});

describe('the auditor', () => {
  it('reads the trail through its table and everything that says whether it is whole', async () => {
    const client = await database.as('reader');
    for (const table of ['audit_log', 'audited_table', 'chain_link', 'chain_horizon'])
      expect(
        await attempt(client, `SELECT * FROM audit.${table}`, `COPY (SELECT * FROM audit.${table}) TO STDOUT`),
      ).toBe('done');
    const seen = await client.query<{ count: string }>('SELECT count(*) FROM audit.audit_log');
    const all = await database.admin.query<{ count: string }>('SELECT count(*) FROM audit.audit_log');
    expect(seen.rows).toEqual(all.rows);
  });

  it('reads none of the application’s tables, and nobody else reads statistics of the trail', async () => {
    expect(await attempt(await database.as('reader'), `SELECT * FROM "Student"`)).toBe(
      '42501 permission denied for table Student',
    );
    await database.admin.query('ANALYZE audit.audit_log');
    const statistics = `SELECT count(*)::int AS count FROM pg_stats WHERE schemaname = 'audit'`;
    for (const role of ['app', 'migrator', 'reader'] as const)
      expect([role, (await (await database.as(role)).query(statistics)).rows]).toEqual([role, [{ count: 0 }]]);
  });

  it('never finds a redacted value anywhere in the trail', async () => {
    await database.admin.query(`UPDATE "Student" SET secret = 'hunter3' WHERE id = 'a'`);
    expect(await content()).not.toMatch(/hunter/);
  });
});
