import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openSource } from '../../../postgres/transfer/source/open';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { load, planOf, policies, Sources } from './source';

let database: TestDatabase;
let sources: Sources;
let schemas = 0;
let schema: string;

beforeAll(async () => {
  database = await freshDatabase('transfer_tables');
  sources = new Sources();
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});
// Whatever a test makes lies in a schema of its own.
beforeEach(async () => {
  schema = `app${++schemas}`;
  await database.client.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
});
afterEach(() => database.client.query(`DROP SCHEMA ${schema} CASCADE`));

const loadHere = (file: string, options = {}): ReturnType<typeof load> =>
  load(database.client, file, { schema, ...options });

async function rows(sql: string): Promise<unknown[][]> {
  const result = await database.client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return result.rows;
}

/** Everything the catalog says of the tables of the schema, apart from numbers that a rebuild changes. */
async function definitions(): Promise<unknown[][]> {
  return rows(`
    SELECT 'index', pg_get_indexdef(x.indexrelid), x.indisclustered, x.indisreplident, x.indisvalid, obj_description(x.indexrelid, 'pg_class'),
           (SELECT array_agg(a.attstattarget ORDER BY a.attnum)::text FROM pg_attribute AS a WHERE a.attrelid = x.indexrelid)
      FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid WHERE c.relnamespace = '${schema}'::regnamespace
    UNION ALL
    SELECT 'constraint', k.conrelid::regclass || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.condeferred,
           obj_description(k.oid, 'pg_constraint'), NULL
      FROM pg_constraint AS k WHERE k.connamespace = '${schema}'::regnamespace
    UNION ALL
    SELECT 'trigger', t.tgrelid::regclass || ' ' || t.tgname || ' ' || t.tgenabled::text, NULL, NULL, NULL, NULL, NULL
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relnamespace = '${schema}'::regnamespace AND NOT t.tgisinternal
    ORDER BY 1, 2`);
}

describe('tables', () => {
  it('are matched by name, whatever the order of columns, case, length and reserved words', async () => {
    const long = 'x'.repeat(70);
    await database.client.query(`
      CREATE TABLE "Order" ("select" text, id int PRIMARY KEY, "ünïcode 💡" text, extra int DEFAULT 7, computed int GENERATED ALWAYS AS (id * 2) STORED);
      CREATE TABLE lower (id int PRIMARY KEY, name text);
      CREATE TABLE "${'x'.repeat(63)}" (id int)`);
    const file = sources.make(
      `CREATE TABLE "Order" ("ünïcode 💡" TEXT, id INTEGER PRIMARY KEY, computed INTEGER, "select" TEXT); INSERT INTO "Order" VALUES ('é', 1, 99, 'from')`,
      `CREATE TABLE "Lower" ("Name" TEXT, "ID" INTEGER PRIMARY KEY); INSERT INTO "Lower" VALUES ('n', 5)`,
      `CREATE TABLE "${long}" (id INTEGER); INSERT INTO "${long}" VALUES (3)`,
    );
    const { tables, plan } = await loadHere(file);
    expect(tables.map(({ loaded }) => loaded)).toEqual([1, 1, 1]);
    expect(plan.tables.find(({ source }) => source.name === 'Order')).toMatchObject({
      defaults: ['extra'],
      omitted: [{ column: 'computed', reason: 'computed by PostgreSQL' }],
    });
    expect(await rows('SELECT * FROM "Order"')).toEqual([['from', 1, 'é', 7, 2]]);
    expect(await rows('SELECT id, name FROM lower')).toEqual([[5, 'n']]);
  });

  it('that are not the application’s are left out by name; others without a counterpart are refused with their rows', async () => {
    await database.client.query('CREATE TABLE t (id int)');
    const file = sources.make(
      'CREATE TABLE t (id INTEGER)',
      'CREATE TABLE _prisma_migrations (id TEXT); INSERT INTO _prisma_migrations VALUES (1)',
      'CREATE TABLE _litestream_seq (id INTEGER)',
      'CREATE TABLE empty (id INTEGER)',
      'CREATE VIRTUAL TABLE search USING fts5(body)',
      'CREATE TABLE lost (id INTEGER); INSERT INTO lost VALUES (1), (2)',
      'CREATE VIEW v AS SELECT * FROM t',
    );
    const source = openSource(file);
    const plan = await planOf(database.client, source, { schema, exclude: ['nothing.there'] });
    source.close();
    expect(plan.omitted.map(({ table }) => table)).toEqual([
      '_litestream_seq',
      '_prisma_migrations',
      'empty',
      'search',
      'search_config',
      'search_content',
      'search_data',
      'search_docsize',
      'search_idx',
    ]);
    expect(plan.problems).toMatchObject([
      { code: 'source-unknown', object: 'nothing.there' },
      { code: 'table-without-target', object: 'lost' },
    ]);
    expect(plan.problems[1]?.message).toContain('2 rows');
  });

  it('with columns that have nowhere to go, or nothing to come from, are refused all at once', async () => {
    await database.client.query('CREATE TABLE t (id int, must int NOT NULL, may int); CREATE VIEW v AS SELECT 1 AS id');
    const source = openSource(sources.make('CREATE TABLE t (id INTEGER, gone TEXT); CREATE TABLE v (id INTEGER)'));
    const { problems } = await planOf(database.client, source, { schema });
    source.close();
    expect(problems.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'column-without-target t.gone',
      'column-without-source t.must',
      'target-not-table v',
    ]);
  });

  it('of which every column is left out are left out', async () => {
    await database.client.query('CREATE TABLE t (id int, v int); CREATE TABLE u (id int)');
    const file = sources.make(
      'CREATE TABLE t (id INTEGER, v INTEGER); INSERT INTO t VALUES (1, 2); CREATE TABLE u (id INTEGER)',
    );
    const { plan } = await loadHere(file, { exclude: ['t.id', 't.v'] });
    expect(plan.omitted).toEqual([{ table: 't', reason: 'no column of it goes anywhere' }]);
    expect(await rows('SELECT count(*) FROM t')).toEqual([['0']]);
  });

  it('without row numbers, with sparse ones, and with columns called rowid arrive whole', async () => {
    await database.client.query(
      'CREATE TABLE w (a text, b int, PRIMARY KEY (b, a)); CREATE TABLE s (id bigint PRIMARY KEY); CREATE TABLE r (rowid text, oid int)',
    );
    const file = sources.make(
      `CREATE TABLE w (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO w SELECT 'a' || i, i FROM n`,
      `CREATE TABLE s (id INTEGER PRIMARY KEY); WITH RECURSIVE n (i) AS (SELECT -600 UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO s SELECT i * 10000000000000000 FROM n WHERE i <> 0;
       INSERT INTO s VALUES (9223372036854775807), (-9223372036854775808)`,
      `CREATE TABLE r (rowid TEXT, oid INTEGER); INSERT INTO r VALUES ('x', 1), ('y', 2)`,
    );
    const { tables } = await loadHere(file);
    expect(tables.map(({ table, loaded }) => [table, loaded])).toEqual([
      ['r', 2],
      ['s', 1202],
      ['w', 3000],
    ]);
    expect(await rows('SELECT min(id)::text, max(id)::text FROM s')).toEqual([
      ['-9223372036854775808', '9223372036854775807'],
    ]);
  });

  it('with rows of megabytes among short ones do not fill the memory', async () => {
    await database.client.query('CREATE TABLE big (id int PRIMARY KEY, v text)');
    const file = sources.make(
      `CREATE TABLE big (id INTEGER PRIMARY KEY, v TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
       INSERT INTO big SELECT i, CASE WHEN i % 100 = 0 THEN replace(hex(zeroblob(1000000)), '0', 'y') ELSE 'x' END FROM n`,
    );
    const before = process.memoryUsage().rss;
    const { tables } = await loadHere(file);
    expect(tables[0]?.loaded).toBe(2000);
    expect(await rows('SELECT sum(length(v)) FROM big')).toEqual([[String(20 * 2_000_000 + 1980)]]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('are put back with every index, key, comment, statistic, trigger mode and reference that they had', async () => {
    await database.client.query(`
      CREATE TABLE parent (id int PRIMARY KEY WITH (fillfactor = 70), code text CONSTRAINT parent_code UNIQUE DEFERRABLE INITIALLY DEFERRED, other text);
      COMMENT ON CONSTRAINT parent_code ON parent IS 'it''s a key';
      CREATE INDEX parent_expression ON parent (lower(code) DESC NULLS LAST) WHERE other IS NOT NULL;
      COMMENT ON INDEX parent_expression IS 'partial';
      ALTER INDEX parent_expression ALTER COLUMN 1 SET STATISTICS 500;
      CREATE INDEX parent_plain ON parent (other); ALTER TABLE parent CLUSTER ON parent_plain;
      CREATE UNIQUE INDEX parent_other ON parent (id) INCLUDE (other);
      ALTER TABLE parent REPLICA IDENTITY USING INDEX parent_other;
      CREATE TABLE child (id int PRIMARY KEY, up int REFERENCES parent ON DELETE CASCADE, self int CONSTRAINT child_self REFERENCES child DEFERRABLE,
        during int4range, EXCLUDE USING gist (during WITH &&));
      COMMENT ON CONSTRAINT child_self ON child IS 'itself';
      CREATE TABLE bystander (up int REFERENCES parent);
      CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fired''; END';
      CREATE TRIGGER t_origin BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION never();
      CREATE TRIGGER t_always BEFORE INSERT OR TRUNCATE ON parent FOR EACH STATEMENT EXECUTE FUNCTION never();
      ALTER TABLE parent ENABLE ALWAYS TRIGGER t_always;
      CREATE TRIGGER t_off BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION never();
      ALTER TABLE parent DISABLE TRIGGER t_off;
      CREATE RULE refuse AS ON INSERT TO child DO INSTEAD NOTHING;
      CREATE VIEW by_key AS SELECT id, code, count(*) FROM parent GROUP BY id`);
    const before = await definitions();
    const file = sources.make(
      `CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT, other TEXT); INSERT INTO parent VALUES (1, 'a', 'o'), (2, NULL, NULL)`,
      `CREATE TABLE child (id INTEGER PRIMARY KEY, up INTEGER, self INTEGER, during TEXT); INSERT INTO child VALUES (1, 1, 2, '[1,2)'), (2, NULL, 1, NULL), (3, 2, 3, '[5,9)')`,
    );
    await loadHere(file);
    expect(await definitions()).toEqual(before);
    expect(await rows('SELECT count(*) FROM child')).toEqual([['3']]);
    expect(await rows(`SELECT reltuples FROM pg_class WHERE oid = 'child'::regclass`)).toEqual([[3]]);
  });

  it('that are partitioned are loaded through their partitions', async () => {
    await database.client.query(`
      CREATE TABLE p (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE p2 PARTITION OF p DEFAULT;
      CREATE TABLE r (id int, day date, FOREIGN KEY (id, day) REFERENCES p)`);
    const before = await definitions();
    const file = sources.make(
      `CREATE TABLE p (id INTEGER, day TEXT); INSERT INTO p VALUES (1, '2025-05-15'), (2, '2030-01-01')`,
      `CREATE TABLE r (id INTEGER, day TEXT); INSERT INTO r VALUES (1, '2025-05-15')`,
    );
    await loadHere(file);
    expect(await rows('SELECT tableoid::regclass::text, id FROM p ORDER BY id')).toEqual([
      ['p1', 1],
      ['p2', 2],
    ]);
    expect(await definitions()).toEqual(before);
  });

  it('get sequences that use no id again, of a deleted row neither, and 1 where there was none', async () => {
    await database.client.query(`
      CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text);
      CREATE TABLE c (id bigserial PRIMARY KEY); CREATE TABLE d (id int GENERATED ALWAYS AS IDENTITY (START WITH 100) PRIMARY KEY);
      SELECT setval('c_id_seq', 77)`);
    const file = sources.make(
      `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (3), (9), (50); DELETE FROM a WHERE id = 50`,
      `CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO b VALUES (12, 'x')`,
      `CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT)`,
      `CREATE TABLE d (id INTEGER PRIMARY KEY); INSERT INTO d VALUES (5)`,
    );
    await loadHere(file);
    await database.client.query(
      `INSERT INTO a DEFAULT VALUES; INSERT INTO b (v) VALUES ('y'); INSERT INTO c DEFAULT VALUES; INSERT INTO d DEFAULT VALUES`,
    );
    expect(
      await rows(
        'SELECT (SELECT max(id) FROM a), (SELECT max(id) FROM b), (SELECT max(id)::int FROM c), (SELECT max(id) FROM d)',
      ),
    ).toEqual([[51, 13, 1, 100]]);
  });
});

describe('references', () => {
  beforeEach(async () => {
    await database.client.query(`
      CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (x int, y int, a int NOT NULL REFERENCES a, UNIQUE (y, x));
      ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES a; CREATE TABLE c (id int PRIMARY KEY, y int, x int, CONSTRAINT c_b FOREIGN KEY (y, x) REFERENCES b (y, x))`);
  });
  // 3 refers to 99; b of it to 3; c to that b: one orphan makes others.
  const chain = (): string =>
    sources.make(
      `CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER); INSERT INTO a VALUES (1, 2), (2, 1), (3, 99)`,
      `CREATE TABLE b (x INTEGER, y INTEGER, a INTEGER); INSERT INTO b VALUES (1, 10, 1), (3, 30, 3), (4, 40, 44)`,
      `CREATE TABLE c (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER); INSERT INTO c VALUES (1, 1, 10), (2, 3, 30), (3, NULL, 77), (4, 8, 8)`,
    );

  it('to nothing are refused, counted and named', async () => {
    const before = await definitions();
    await expect(loadHere(chain())).rejects.toMatchObject({
      code: 'values-refused',
      issues: {
        shown: expect.arrayContaining([
          expect.objectContaining({ table: 'a', key: 'id=3', column: 'b', value: '99' }),
        ]) as unknown,
      },
    });
    expect(await definitions()).toEqual(before);
    expect(await rows('SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM c)')).toEqual([['0', '0']]);
  });

  it('to nothing take their rows along, and what refers to these, where the policy says so', async () => {
    const { issues } = await loadHere(chain(), { policies: policies('fail', { orphan: 'reject' }) });
    expect(await rows('SELECT id FROM a ORDER BY 1')).toEqual([[1], [2]]);
    expect(await rows('SELECT x FROM b')).toEqual([[1]]);
    expect(await rows('SELECT id FROM c ORDER BY 1')).toEqual([[1], [3]]);
    expect(issues).toHaveLength(5);
  });

  it('to nothing become NULL where they may, else the row goes', async () => {
    const { issues } = await loadHere(chain(), { policies: policies('fail', { orphan: 'replace' }) });
    expect(await rows('SELECT id, b FROM a ORDER BY 1')).toEqual([
      [1, 2],
      [2, 1],
      [3, null],
    ]);
    expect(await rows('SELECT x FROM b ORDER BY 1')).toEqual([[1], [3]]);
    expect(await rows('SELECT id, y, x FROM c ORDER BY 1')).toEqual([
      [1, 10, 1],
      [2, 30, 3],
      [3, 77, null],
      [4, null, null],
    ]);
    expect(issues.map(({ table, action }) => `${table} ${action}`).sort()).toEqual([
      'a replaced',
      'b rejected',
      'c replaced',
    ]);
  });
});

describe('a load is refused as a whole, and says why', () => {
  it.each([
    ['duplicate-rows', 'CREATE TABLE t (id int UNIQUE)', 'CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (1)'],
    [
      'row-refused',
      'CREATE TABLE t (id int CHECK (id > 0))',
      'CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (-1)',
    ],
    ['values-refused', 'CREATE TABLE t (id int NOT NULL)', 'CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (NULL)'],
    ['target-not-empty', 'CREATE TABLE t (id int); INSERT INTO t VALUES (9)', 'CREATE TABLE t (id INTEGER)'],
    ['row-refused', 'CREATE TABLE t (id inet)', `CREATE TABLE t (id TEXT); INSERT INTO t VALUES ('nowhere')`],
  ])('%s', async (code, target, source) => {
    await database.client.query(`${target}; CREATE TABLE other (id int)`);
    const before = [await definitions(), await rows('SELECT * FROM t')];
    await expect(
      loadHere(sources.make(`${source}; CREATE TABLE other (id INTEGER); INSERT INTO other VALUES (1)`)),
    ).rejects.toMatchObject({ code });
    expect([await definitions(), await rows('SELECT * FROM t')]).toEqual(before);
    expect(await rows('SELECT count(*) FROM other')).toEqual([['0']]);
  });

  it('a trigger of PostgreSQL that changed what arrived is found, with key and column', async () => {
    // A generated default of the target cannot change a loaded value; a domain's rounding type can.
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY, v text)');
    const file = sources.make(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')`,
    );
    await loadHere(file);
    await database.client.query(
      `UPDATE t SET v = 'changed' WHERE id = 2; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (4, 'new')`,
    );
    const source = openSource(file);
    const plan = await planOf(database.client, source, { schema });
    const { verifyTransfer } = await import('../../../postgres/transfer/verify/compare');
    await expect(
      verifyTransfer(database.client, source, plan, { owner: 'postgres' }, policies('fail')),
    ).rejects.toMatchObject({
      code: 'transfer-differs',
      differences: expect.arrayContaining([
        { table: 't', key: 'id=2', column: 'v', source: `'two'`, target: `'changed'` },
        { table: 't', key: 'id=3', source: `3, 'three'` },
        { table: 't', key: '4', target: `4, 'new'` },
      ]) as unknown,
    });
    source.close();
  });
});
