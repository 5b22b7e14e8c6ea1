import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TRAIL_COLUMNS } from '../../../postgres/audit/columns';
import { verifyChain } from '../../../postgres/audit/reading/verify';
import { eventually } from '../../support/eventually';
import { type AuditedDatabase, auditedDatabase, sealChain } from './support';

const SCHEMA = `CREATE TABLE "Student" (id int PRIMARY KEY, name text, at timestamptz DEFAULT now(), d double precision DEFAULT 0.1);
CREATE TABLE "Note" (id int PRIMARY KEY)`;
const TABLES = [
  { schema: 'public', table: 'Student' },
  { schema: 'public', table: 'Note' },
];

let database: AuditedDatabase;
let admin: Client;
let app: Client;
let next = 0;
const month = new Date().toISOString().slice(0, 7);

beforeAll(async () => {
  database = await auditedDatabase('audit_chain', SCHEMA, { tables: TABLES, hashChain: true });
  await database.up();
  admin = database.admin;
  app = await database.as('app');
  // A test that fails may leave a transaction open: the others then fail too, instead of waiting for it.
  await admin.query(`SET lock_timeout = '5s'`);
});
afterAll(() => database.drop());

/** `count` rows more in the trail, in one transaction each. */
async function write(count: number, client: Client = app): Promise<void> {
  for (let left = count; left > 0; left -= 1)
    await client.query(`INSERT INTO "Student" VALUES ($1, 'x')`, [(next += 1)]);
}
const kinds = async (anchors?: Record<string, string>): Promise<string[]> => {
  const report = await verifyChain(admin, database.spec, anchors === undefined ? {} : { anchors });
  return report.months.flatMap(({ problems }) => problems.map(({ kind }) => kind));
};
/** Seals until everything written so far is; transactions of other databases of the server are waited for as well. */
async function sealAll(): Promise<void> {
  await eventually('everything is sealed', async () => {
    await sealChain(admin);
    const { months } = await verifyChain(admin, database.spec);
    return months.every(({ unsealed }) => unsealed === 0) ? true : undefined;
  });
}
const head = async (): Promise<string> => (await verifyChain(admin, database.spec)).months.at(-1)?.head ?? '';

describe('a chain nobody touched', () => {
  it('is intact link by link, sealed or not, and the auditor can tell', async () => {
    expect(await kinds()).toEqual([]);
    for (const count of [3, 1, 5]) {
      await write(count);
      await sealAll();
    }
    await write(2);
    const report = await verifyChain(await database.as('reader'), database.spec);
    expect(report).toMatchObject({
      intact: true,
      months: [{ month, unsealed: 2, unhashed: 0, problems: [] }],
    });
    expect(report.months[0]?.head).toMatch(/^[0-9a-f]{64}$/);
    await sealAll();
    expect(await head()).not.toBe(report.months[0]?.head);
  });

  it('is the same for sessions with other settings', async () => {
    const client = await database.connect(database.server.user, database.server.password);
    await client.query(`SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -3; SET bytea_output = 'escape';
      SET IntervalStyle = 'iso_8601'; SET search_path = ''`);
    await client.query(`INSERT INTO public."Student" VALUES ($1, 'other zone')`, [(next += 1)]);
    await eventually('it is sealed', async () => {
      const { rows } = await client.query<{ line: string }>('SELECT audit.seal() AS line');
      return rows[0]?.line.startsWith('sealed') === true ? true : undefined;
    });
    expect((await verifyChain(client, database.spec)).intact).toBe(true);
    expect(await kinds()).toEqual([]);
  });

  it('is sealed by the upkeep', async () => {
    await write(1);
    await eventually('it is sealed', async () => {
      const { rows } = await admin.query<{ line: string }>('SELECT audit.maintain() AS line');
      return rows.some(({ line }) => line === `sealed ${month}`) ? true : undefined;
    });
    expect(await kinds()).toEqual([]);
  });
});

describe('transactions under way', () => {
  it('are waited for, never sealed around', async () => {
    const [slow, later] = [await database.as('app'), await database.as('app')];
    await slow.query('BEGIN');
    await write(2, slow);
    await write(1);
    // What an earlier call noted as its end may be reached first.
    await eventually('it waits', async () => {
      const [line] = await sealChain(admin);
      return line?.startsWith('sealing waits for') === true ? true : undefined;
    });
    await later.query('BEGIN');
    await write(1, later);
    await slow.query('COMMIT');
    await eventually('what was before is sealed', async () => {
      const [line] = await sealChain(admin);
      return line === `sealed ${month}` ? true : undefined;
    });
    await later.query('COMMIT');
    await sealAll();
    expect(await kinds()).toEqual([]);
  });

  it('nor by one that has changed something itself, which cannot know who began since', async () => {
    const open = await database.as('app');
    await admin.query('BEGIN');
    await admin.query('SELECT txid_current()');
    await open.query('BEGIN');
    await write(1, open);
    expect((await sealChain(admin))[0]).toMatch(/transaction of its own/);
    await admin.query('COMMIT');
    await open.query('COMMIT');
    await sealAll();
    expect(await kinds()).toEqual([]);
  });

  it('while several seal at once and many write, are all in the chain, in order, and none twice', async () => {
    const writers = await Promise.all([1, 2, 3, 4].map(() => database.as('app')));
    const sealers = await Promise.all(
      [1, 2].map(() => database.connect(database.server.user, database.server.password)),
    );
    const until = Date.now() + 1500;
    await Promise.all([
      ...writers.map(async (client, index) => {
        while (Date.now() < until) {
          await client.query('BEGIN');
          await write(1 + index, client);
          if (index === 1) await client.query(`SAVEPOINT s; TRUNCATE "Note"`);
          await new Promise((resolve) => setTimeout(resolve, index * 3));
          await client.query(index === 3 ? 'ROLLBACK' : 'COMMIT');
        }
      }),
      ...sealers.map(async (client) => {
        while (Date.now() < until) await sealChain(client);
      }),
      (async () => {
        while (Date.now() < until) expect(await kinds()).toEqual([]);
      })(),
    ]);
    await sealAll();
    const report = await verifyChain(admin, database.spec);
    expect(report).toMatchObject({ intact: true, months: [{ unsealed: 0 }] });
    expect(report.months[0]?.links).toBeGreaterThan(10);
  });
});

describe('tampering of whoever may write the tables', () => {
  const some = `(SELECT id FROM audit.audit_log WHERE operation = 'INSERT' ORDER BY id OFFSET 4 LIMIT 1)`;
  const last = `(SELECT max(position) FROM audit.chain_link)`;
  const rehash = (table: string): string => `ALTER TABLE audit.${table} DISABLE TRIGGER USER`;
  const cases: [what: string, sql: string, found: string[]][] = [
    ['a value changed', `UPDATE audit.audit_log SET user_id = 'other' WHERE id = ${some}`, ['altered']],
    [
      'a number in a row changed',
      `UPDATE audit.audit_log SET new_data = new_data || '{"d": 0.2}' WHERE id = ${some}`,
      ['altered'],
    ],
    [
      'a time changed by a microsecond',
      `UPDATE audit.audit_log SET statement_time = statement_time + interval '1 microsecond' WHERE id = ${some}`,
      ['altered'],
    ],
    [
      'a row and its hash changed',
      `UPDATE audit.audit_log SET user_id = 'other', hash = sha256('x') WHERE id = ${some}`,
      ['altered', 'rows'],
    ],
    [
      'a hash taken away',
      `UPDATE audit.audit_log SET user_id = 'other', hash = NULL WHERE id = ${some}`,
      ['altered', 'rows'],
    ],
    ['a row removed', `DELETE FROM audit.audit_log WHERE id = ${some}`, ['rows']],
    ['all rows of a month removed', `DELETE FROM audit.audit_log`, ['rows']],
    [
      'a row added into a sealed time',
      `INSERT INTO audit.audit_log (operation, table_schema, table_name, clock_time) SELECT 'DELETE', 'public', 'Student', clock_time FROM audit.audit_log WHERE id = ${some}`,
      ['altered', 'rows'],
    ],
    [
      'a row added into a sealed time of another month',
      `INSERT INTO audit.audit_log (operation, table_schema, table_name, "timestamp", clock_time) SELECT 'DELETE', 'public', 'Student', '2020-01-05', clock_time FROM audit.audit_log WHERE id = ${some}`,
      ['added', 'altered'],
    ],
    [
      'a row moved to another time',
      `UPDATE audit.audit_log SET clock_time = clock_time - interval '1 day' WHERE id = ${some}`,
      ['altered', 'rows'],
    ],
    ['a link changed', `UPDATE audit.chain_link SET row_count = row_count + 1 WHERE position = 2`, ['link', 'rows']],
    [
      'a link’s digest changed',
      `UPDATE audit.chain_link SET digest = sha256('x') WHERE position = 2`,
      ['link', 'rows'],
    ],
    ['a link’s hash changed', `UPDATE audit.chain_link SET hash = sha256('x') WHERE position = 2`, ['link', 'link']],
    [
      'a link’s time changed',
      `UPDATE audit.chain_link SET until_time = until_time + interval '1 microsecond' WHERE position = 2`,
      ['link', 'link'],
    ],
    ['a link removed', `DELETE FROM audit.chain_link WHERE position = 2`, ['link', 'rows']],
    ['the last link removed', `DELETE FROM audit.chain_link WHERE position = ${last}`, ['added']],
    ['all links removed', `DELETE FROM audit.chain_link`, ['added']],
    [
      'a link put in',
      `INSERT INTO audit.chain_link (month, position, from_time, until_time, row_count, digest, previous, hash) SELECT month, position + 1, until_time, until_time + interval '1 microsecond', 0, sha256(''), hash, sha256('x') FROM audit.chain_link WHERE position = ${last}`,
      ['link'],
    ],
  ];

  it.each(cases)('%s', async (_what, sql, found) => {
    await admin.query(
      `BEGIN; ${rehash('audit_log')}; ${sql}; ALTER TABLE audit.audit_log ENABLE ALWAYS TRIGGER hash_row; SAVEPOINT x`,
    );
    // verifyChain wants a transaction of its own, so the change is committed, looked at, and taken back from a copy.
    await admin.query('ROLLBACK');
    await admin.query(`CREATE TABLE copy_log AS SELECT * FROM audit.audit_log; CREATE TABLE copy_link AS SELECT * FROM audit.chain_link;
      ${rehash('audit_log')}; ${sql}`);
    try {
      expect([...new Set(await kinds())].sort()).toEqual([...new Set(found)]);
    } finally {
      await admin.query(`DELETE FROM audit.audit_log; DELETE FROM audit.chain_link; INSERT INTO audit.audit_log SELECT * FROM copy_log;
        INSERT INTO audit.chain_link SELECT * FROM copy_link; ALTER TABLE audit.audit_log ENABLE ALWAYS TRIGGER hash_row; DROP TABLE copy_log, copy_link`);
    }
    expect(await kinds()).toEqual([]);
  });

  /** Another value of the column's type, as near to the former as can be. */
  const OTHER: Record<string, (column: string) => string> = {
    uuid: (column) =>
      `(left(${column}::text, 35) || CASE right(${column}::text, 1) WHEN 'f' THEN 'e' ELSE 'f' END)::uuid`,
    text: (column) => `coalesce(${column} || ' ', 'x')`,
    jsonb: (column) => `coalesce(${column}, '{}') || '{"more": null}'`,
    'timestamp with time zone': (column) => `${column} + interval '1 microsecond'`,
    bigint: (column) => `${column} + 1`,
    inet: (column) => `set_masklen(${column}, 31)`,
    bytea: (column) => `set_bit(${column}, 7, 1 - get_bit(${column}, 7))`,
  };

  it.each([
    ...TRAIL_COLUMNS.map(({ name, type }) => [name, 'another value', OTHER[type]?.(`"${name}"`) ?? 'no rule'] as const),
    ...TRAIL_COLUMNS.filter(({ notNull }) => notNull !== true)
      .map(({ name }) => [name, 'NULL', 'NULL'] as const)
      .filter(([name]) => !['old_data', 'child_table', 'marker'].includes(name)),
  ])('column %s of a row with %s in it, sealed or not', async (name, _what, value) => {
    await admin.query(`SET app.current_user_id = 'u1'`);
    await write(1, admin);
    await admin.query('RESET app.current_user_id');
    const newest = `(SELECT id FROM audit.audit_log ORDER BY id DESC LIMIT 1)`;
    for (const state of ['unsealed', 'sealed']) {
      if (state === 'sealed') await sealAll();
      await admin.query(`CREATE TABLE copy_log AS SELECT * FROM audit.audit_log WHERE id = ${newest};
        UPDATE audit.audit_log SET "${name}" = ${value} WHERE id = ${newest}`);
      try {
        expect(await kinds(), state).toContain('altered');
      } finally {
        await admin.query(`DELETE FROM audit.audit_log AS t USING copy_log AS c WHERE t.txid = c.txid OR t.id = c.id;
          ALTER TABLE audit.audit_log DISABLE TRIGGER hash_row; INSERT INTO audit.audit_log SELECT * FROM copy_log;
          ALTER TABLE audit.audit_log ENABLE ALWAYS TRIGGER hash_row; DROP TABLE copy_log`);
      }
      expect(await kinds()).toEqual([]);
    }
  });

  it('names the altered rows', async () => {
    const { rows } = await admin.query<{ id: string }>(`SELECT ${some} AS id`);
    const id = rows[0]?.id ?? '';
    await admin.query(`UPDATE audit.audit_log SET user_id = 'other' WHERE id = $1`, [id]);
    const { months } = await verifyChain(admin, database.spec);
    expect(months[0]?.problems).toEqual([
      { kind: 'altered', detail: expect.stringContaining('1 rows') as unknown, rows: [id] },
    ]);
    await admin.query(`UPDATE audit.audit_log SET user_id = NULL WHERE id = $1`, [id]);
    expect(await kinds()).toEqual([]);
  });

  it('a chain cut off, with its horizon, or written anew is found with a head noted before', async () => {
    const anchor = { [month]: await head() };
    expect(await kinds(anchor)).toEqual([]);
    await write(1);
    await sealAll();
    expect(await kinds(anchor)).toEqual([]);
    await admin.query(
      `CREATE TABLE copy_link AS SELECT * FROM audit.chain_link; CREATE TABLE copy_horizon AS SELECT * FROM audit.chain_horizon`,
    );
    await admin.query(`DELETE FROM audit.chain_link; DELETE FROM audit.chain_horizon`);
    expect(await kinds()).toEqual([]);
    await sealAll();
    expect(await kinds()).toEqual([]);
    expect(await kinds(anchor)).toEqual(['anchor']);
    await admin.query(`DELETE FROM audit.chain_link; DELETE FROM audit.chain_horizon; INSERT INTO audit.chain_link SELECT * FROM copy_link;
      INSERT INTO audit.chain_horizon SELECT * FROM copy_horizon; DROP TABLE copy_link, copy_horizon`);
    expect(await kinds(anchor)).toEqual([]);
    expect(await kinds({ '2019-01': 'ff' })).toEqual(['anchor']);
  });
});

describe('turning it off and on', () => {
  it('forgets no earlier time: a hash taken away there is found', async () => {
    await write(1);
    const newest = `(SELECT id FROM audit.audit_log ORDER BY id DESC LIMIT 1)`;
    const { rows } = await admin.query<{ id: string; hash: Buffer }>(
      `SELECT id, hash FROM audit.audit_log WHERE id = ${newest}`,
    );
    const [row] = rows;
    for (const hashChain of [false, true, false, true]) {
      await database.up({ hashChain });
      await write(1);
    }
    const expectNoticed = async (): Promise<void> => {
      await admin.query(`UPDATE audit.audit_log SET hash = NULL, user_id = 'other' WHERE id = $1`, [row?.id]);
      const { months } = await verifyChain(admin, database.spec);
      expect(months.at(-1)?.problems).toMatchObject([{ kind: 'altered', rows: [row?.id] }]);
      await admin.query(`UPDATE audit.audit_log SET hash = $2, user_id = NULL WHERE id = $1`, [row?.id, row?.hash]);
      expect(await kinds()).toEqual([]);
    };
    await expectNoticed();
  });

  it('loses nothing: rows written meanwhile are sealed when it is on again', async () => {
    const before = await verifyChain(admin, database.spec);
    await database.up({ hashChain: false });
    await write(4);
    expect(await verifyChain(admin, database.spec)).toMatchObject({
      intact: true,
      months: [{ links: before.months[0]?.links }],
    });
    await database.up({ hashChain: true });
    await write(1);
    await sealAll();
    const after = await verifyChain(admin, database.spec);
    expect(after).toMatchObject({
      intact: true,
      months: [{ unhashed: (before.months[0]?.unhashed ?? 0) + 4, unsealed: 0 }],
    });
    await admin.query(`UPDATE audit.audit_log SET user_id = 'other' WHERE hash IS NULL`);
    expect(await kinds()).toEqual(['rows']);
  });
});
