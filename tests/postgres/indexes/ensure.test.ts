import { type Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

import { readIndex, readIndexes } from '../../../postgres/indexes/catalog';
import { dropIndex, ensureIndex, planIndexes } from '../../../postgres/indexes/ensure';
import { retiredName, temporaryName } from '../../../postgres/indexes/names';
import type { IndexSpec } from '../../../postgres/spec';
import { failure, indexStage, spec, STUDENT } from './stage';

const stage = indexStage('ensure');
const { table, session: freshSession } = stage;
let client: Client;
beforeAll(() => {
  client = stage.client;
});

const ensure = (wanted: IndexSpec, more = {}) => ensureIndex(client, wanted, { role: stage.owner, ...more });
const oid = async (name: string) =>
  (await client.query<{ oid: number }>('SELECT oid FROM pg_class WHERE relname = $1', [name])).rows[0]?.oid;
const indexNames = async () =>
  (await readIndexes(client, { schemas: ['public'] }))
    .filter((one) => one.status.constraint === null)
    .map((one) => one.name);

describe('creating', () => {
  it('builds a missing index as the owner and then finds nothing to do', async () => {
    await table(STUDENT);
    const first = await ensure(spec());
    expect(first.action).toBe('create');
    expect(first.steps.map((step) => step.sql)).toEqual([
      ['CREATE INDEX CONCURRENTLY "idx_student_location" ON "public"."Student" USING "btree" ("location")'],
    ]);
    expect(first.index.status.valid).toBe(true);
    const built = await oid('idx_student_location');
    expect((await ensure(spec())).action).toBe('none');
    expect(await oid('idx_student_location')).toBe(built);
    const { rows } = await client.query<{ owner: string }>(
      `SELECT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relname = 'idx_student_location'`,
    );
    expect(rows[0]?.owner).toBe(stage.owner);
  });

  it('adopts an index that a migration made in other words', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location ASC NULLS LAST)`);
    const built = await oid('idx_student_location');
    expect((await ensure(spec())).action).toBe('none');
    expect(await oid('idx_student_location')).toBe(built);
  });

  it('leaves the session as it found it', async () => {
    await table(STUDENT);
    const settings = `SELECT current_user AS role, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock,
      current_setting('statement_timeout') AS statement, current_setting('default_tablespace') AS space, current_setting('jit') AS jit`;
    const before = (await client.query(settings)).rows;
    await ensure(spec({ columns: [{ name: 'lower(location)', expression: true }] }));
    await failure(ensure(spec({ name: 'x', columns: [{ name: 'nothing' }] })));
    expect((await client.query(settings)).rows).toEqual(before);
    const locks = `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE locktype = 'advisory' AND datname = current_database()`;
    expect((await client.query(locks)).rowCount).toBe(0);
  });

  it('gathers statistics for an expression', async () => {
    await table(
      `${STUDENT}; INSERT INTO "Student" SELECT g, 'A' || g % 10, 'es', g::text, g FROM generate_series(1, 500) g`,
    );
    await ensure(spec({ name: 'idx_lower', columns: [{ name: 'lower(location)', expression: true }] }));
    const { rows } = await client.query(`SELECT n_distinct FROM pg_stats WHERE tablename = 'idx_lower'`);
    expect(rows).toEqual([{ n_distinct: 10 }]);
  });

  it('quotes hostile names everywhere', async () => {
    const name = `idx "; DROP TABLE "Student"; -- ' \\ é`;
    const hostile = `Stu"dent'; --`;
    await table(`CREATE TABLE "Stu""dent'; --" ("a""b" text, "select" int, "x y" int)`);
    const wanted: IndexSpec = {
      name,
      schema: 'public',
      table: hostile,
      columns: [{ name: 'a"b', order: 'desc' }, { name: 'select' }],
      include: ['x y'],
      predicate: `"a""b" <> E'\\'; DROP TABLE x; --'`,
      storage: { fillfactor: 80 },
    };
    expect((await ensure(wanted)).action).toBe('create');
    expect((await ensure(wanted)).action).toBe('none');
    expect((await ensure({ ...wanted, include: [] })).action).toBe('replace');
    expect((await ensure({ ...wanted, include: [] })).action).toBe('none');
    expect(await indexNames()).toEqual([name]);
    expect(await dropIndex(client, wanted, { role: stage.owner })).toBe(true);
  });

  it('runs one statement only, whatever an expression holds', async () => {
    await table(STUDENT);
    const columns = [{ name: 'lower(location)); DROP TABLE "Student"; --', expression: true }];
    expect((await failure(ensure(spec({ columns })))).code).toBe('index-definition-refused');
    const two = [{ name: 'lower(location)), (upper(location)', expression: true }];
    expect((await failure(ensure(spec({ columns: two })))).message).toContain('more than one column');
    expect(await oid('Student')).toBeDefined();
  });

  it('names longer than 63 bytes once decorated keep to the limit', async () => {
    await table(STUDENT);
    const name = 'ñ'.repeat(31);
    await ensure(spec({ name }));
    await ensure(spec({ name, columns: [{ name: 'language' }] }));
    expect(await indexNames()).toEqual([name]);
    for (const derived of [temporaryName({ schema: 'public', name }), retiredName({ schema: 'public', name })]) {
      expect(Buffer.byteLength(derived)).toBeLessThanOrEqual(63);
    }
  });
});

describe('changing', () => {
  it('replaces a changed index and carries over what hung on it', async () => {
    await table(`${STUDENT}; CREATE UNIQUE INDEX idx_n ON "Student" (n DESC)`);
    await table(`COMMENT ON INDEX idx_n IS 'the "teacher''s" \\ index'; ALTER TABLE "Student" CLUSTER ON idx_n`);
    await table(`ALTER TABLE "Student" REPLICA IDENTITY USING INDEX idx_n`);
    const outcome = await ensure(spec({ name: 'idx_n', columns: [{ name: 'n' }], unique: true }));
    expect(outcome.action).toBe('replace');
    expect(outcome.steps.map((step) => step.action)).toEqual(['build', 'swap', 'drop']);
    const { status } = outcome.index;
    expect(status).toMatchObject({ clustered: true, replicaIdentity: true, comment: `the "teacher's" \\ index` });
    expect(await indexNames()).toEqual(['idx_n']);
  });

  it('changes storage parameters in place where PostgreSQL can', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location) WITH (fillfactor = 70)`);
    const before = await oid('idx_student_location');
    const outcome = await ensure(spec({ storage: { deduplicate_items: false } }));
    expect(outcome.action).toBe('alter');
    expect(outcome.index.storage).toEqual({ deduplicate_items: 'off' });
    expect(await oid('idx_student_location')).toBe(before);
    await table(`CREATE INDEX idx_brin ON "Student" USING brin (n)`);
    const brin = spec({ name: 'idx_brin', columns: [{ name: 'n' }], method: 'brin', storage: { pages_per_range: 16 } });
    expect((await ensure(brin)).action).toBe('replace');
  });

  it('renames an index whose name alone changed', async () => {
    await table(`${STUDENT}; CREATE INDEX old_name ON "Student" (location)`);
    const before = await oid('old_name');
    const previous = { schema: 'public', table: 'Student', name: 'old_name' };
    expect((await ensure(spec(), { previous })).action).toBe('rename');
    expect(await oid('idx_student_location')).toBe(before);
    expect(await indexNames()).toEqual(['idx_student_location']);
  });

  it('builds first and drops the former one last when name and definition changed', async () => {
    await table(`${STUDENT}; CREATE INDEX old_name ON "Student" (language)`);
    const previous = { schema: 'public', table: 'Student', name: 'old_name' };
    const outcome = await ensure(spec(), { previous });
    expect(outcome.steps.map((step) => step.action)).toEqual(['build', 'drop']);
    expect(await indexNames()).toEqual(['idx_student_location']);
  });

  it('moves to another table and to another schema', async () => {
    await table(`${STUDENT}; CREATE TABLE "Lesson" (location text); CREATE SCHEMA other;
      CREATE TABLE other."Student" (location text); CREATE INDEX idx_student_location ON "Student" (location)`);
    const first = { schema: 'public', table: 'Student', name: 'idx_student_location' };
    const onLesson = await ensure(spec({ table: 'Lesson' }), { previous: first });
    expect([onLesson.action, onLesson.index.table]).toEqual(['replace', 'Lesson']);
    const elsewhere = await ensure(spec({ schema: 'other' }), { previous: { ...first, table: 'Lesson' } });
    expect(elsewhere.index.definition).toContain('ON other."Student"');
    expect(await indexNames()).toEqual([]);
  });

  it('rebuilds an invalid index and removes what interrupted runs left', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location)`);
    const place = { schema: 'public', name: 'idx_student_location' };
    await table(`CREATE INDEX "${temporaryName(place)}" ON "Student" (n)`);
    await table(`CREATE INDEX "${retiredName(place)}" ON "Student" (language)`);
    await client.query(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_student_location'::regclass`);
    const before = await oid('idx_student_location');
    const outcome = await ensure(spec());
    expect(outcome.action).toBe('rebuild');
    expect(await oid('idx_student_location')).not.toBe(before);
    expect(await indexNames()).toEqual(['idx_student_location']);
  });

  it('takes over a successor that a killed run had finished', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (language)`);
    const successor = temporaryName({ schema: 'public', name: 'idx_student_location' });
    await table(`CREATE INDEX "${successor}" ON "Student" (location)`);
    const ready = await oid(successor);
    const outcome = await ensure(spec());
    expect(outcome.steps.map((step) => step.action)).toEqual(['swap', 'drop']);
    expect(await oid('idx_student_location')).toBe(ready);
    expect(await indexNames()).toEqual(['idx_student_location']);
  });
});

describe('refusing', () => {
  it('never touches an index that backs a constraint', async () => {
    await table(`${STUDENT}; ALTER TABLE "Student" ADD CONSTRAINT idx_student_location UNIQUE (location)`);
    const error = await failure(ensure(spec()));
    expect([error.code, error.kind]).toEqual(['index-backs-constraint', 'refused']);
    expect(error.message).toContain('unique constraint idx_student_location');
    const place = { schema: 'public', table: 'Student', name: 'Student_pkey' };
    expect((await failure(dropIndex(client, place, { role: stage.owner }))).code).toBe('index-backs-constraint');
    // The same definition needs nothing, so a constraint is no obstacle.
    expect((await ensure(spec({ unique: true }))).action).toBe('none');
  });

  it('never touches an index that a foreign key relies on', async () => {
    await table(`${STUDENT}; CREATE UNIQUE INDEX idx_email ON "Student" (email);
      CREATE TABLE "Visit" (email text REFERENCES "Student" (email))`);
    const error = await failure(ensure(spec({ name: 'idx_email', columns: [{ name: 'location' }] })));
    expect(error.code).toBe('index-needed-by-foreign-key');
    expect(error.message).toContain('Visit_email_fkey');
  });

  it('keeps away from names that belong to something else', async () => {
    await table(`${STUDENT}; CREATE TABLE idx_student_location (x int); CREATE TABLE "Lesson" (x int);
      CREATE INDEX idx_lesson ON "Lesson" (x)`);
    expect((await failure(ensure(spec()))).message).toContain('belongs to a table');
    const error = await failure(ensure(spec({ name: 'idx_lesson' })));
    expect([error.code, error.kind]).toEqual(['index-name-taken', 'refused']);
    expect(error.message).toContain('on table Lesson');
  });

  it.each([
    ['a missing table', { table: 'Studnet' }, 'index-table-missing', 'Did you mean Student?'],
    ['a table in other case', { table: 'student' }, 'index-table-missing', 'Did you mean Student?'],
    ['a missing column', { columns: [{ name: 'locaton' }] }, 'index-column-missing', 'Did you mean location?'],
    ['a missing included column', { include: ['lang'] }, 'index-column-missing', 'Apply the migration'],
    ['an unknown method', { method: 'btre' }, 'index-method-unknown', 'Did you mean btree?'],
    [
      'an unknown operator class',
      { columns: [{ name: 'location', opclass: 'text_patern_ops' }] },
      'index-opclass-unknown',
      'Did you mean text_pattern_ops?',
    ],
    [
      'a class of a missing extension',
      { method: 'gin', columns: [{ name: 'location', opclass: 'gin_trgm_ops' }] },
      'index-opclass-unknown',
      'extension',
    ],
    [
      'an unknown collation',
      { columns: [{ name: 'location', collation: 'de_XX' }] },
      'index-collation-unknown',
      'Correct the index',
    ],
    ['an unknown tablespace', { tablespace: 'pg_defalt' }, 'index-tablespace-unknown', 'Did you mean pg_default?'],
    ['a method that cannot be unique', { method: 'hash', unique: true }, 'index-definition-refused', 'cannot do'],
    ['a type without a class', { method: 'gin' }, 'index-definition-refused', 'operator class'],
    ['a value out of range', { storage: { fillfactor: 5 } }, 'index-definition-refused', 'storage parameter'],
    ['an unknown parameter', { storage: { filfactor: 70 } }, 'index-definition-refused', 'storage parameter'],
    ['a function that is not immutable', { predicate: 'now() > now()' }, 'index-definition-refused', 'immutable'],
    [
      'a name that lost its capitals',
      { predicate: 'Id > 1 AND LOCATIO = 1' },
      'index-definition-refused',
      'Quote names',
    ],
    ['a syntax error', { predicate: 'id >' }, 'index-definition-refused', 'Correct the SQL'],
  ] as const)('names %s in the plan, before anything is done', async (_what, more, code, remedy) => {
    await table(STUDENT);
    const [planned] = await planIndexes(client, [spec(more as unknown as Partial<IndexSpec>)], { role: stage.owner });
    expect(planned?.plan.action).toBe('refused');
    expect(planned?.plan.problems[0]?.code).toBe(code);
    expect(planned?.plan.problems[0]?.remedy).toContain(remedy);
    expect(planned?.awaitsTable).toBe(code.endsWith('-missing'));
    expect(await indexNames()).toEqual([]);
  });

  it('says which key is there twice, and leaves nothing behind', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location);
      INSERT INTO "Student" VALUES (1, 'Lima', 'es', 'a', 1), (2, 'Lima', 'es', 'b', 2)`);
    const error = await failure(ensure(spec({ unique: true })));
    expect(error.code).toBe('index-duplicate-key');
    expect(error.message).toContain('Key (location)=(Lima) is duplicated');
    expect(await indexNames()).toEqual(['idx_student_location']);
    await client.query(`UPDATE "Student" SET location = 'Cusco' WHERE id = 2`);
    expect((await ensure(spec({ unique: true }))).action).toBe('replace');
  });

  it('says who may do it when the role is not the owner', async () => {
    await client.query(STUDENT);
    const error = await failure(ensure(spec()));
    await client.query('DROP TABLE "Student"');
    expect([error.code, error.remedy]).toEqual(['index-not-owner', expect.stringContaining('owner')]);
    expect((await failure(ensureIndex(client, spec(), { role: 'nobody_here' }))).code).toBe('role-refused');
  });

  it('gives up on a lock after its time, naming who holds it', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (language)`);
    const other = await freshSession();
    await other.query(`BEGIN; SELECT FROM "Student"; LOCK TABLE "Student" IN SHARE UPDATE EXCLUSIVE MODE`);
    try {
      const error = await failure(ensure(spec(), { lockTimeoutMs: 100, waitMs: 300, transactionWaitMs: 200 }));
      expect([error.code, error.kind]).toEqual(['index-lock-timeout', 'locked']);
      expect(error.message).toMatch(/^Index idx_student_location on public.Student: .*process \d+ \(holder/);
    } finally {
      await other.end();
    }
    expect((await ensure(spec())).action).toBe('replace');
  });
});

describe('short steps', () => {
  const wanted = spec({ storage: { fillfactor: 75 } });

  it('try again until the lock is to be had, and never wait long for it', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location)`);
    const other = await freshSession();
    await other.query(`BEGIN; ALTER INDEX idx_student_location SET (fillfactor = 50)`);
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const refusals: unknown[] = [];
    const watched = async (...args: unknown[]) => {
      try {
        return await query(...args);
      } catch (error) {
        if (JSON.stringify(args[0]).includes('ALTER INDEX')) refusals.push((error as { code?: unknown }).code);
        if (refusals.length === 3) await other.query('ROLLBACK');
        throw error;
      }
    };
    Object.defineProperty(client, 'query', { value: watched, configurable: true });
    const outcome = await ensure(wanted, { lockTimeoutMs: 50 });
    Reflect.deleteProperty(client, 'query');
    await other.end();
    expect([outcome.action, outcome.index.storage]).toEqual(['alter', { fillfactor: '75' }]);
    expect(refusals).toEqual(['55P03', '55P03', '55P03']);
  });

  it('give up after their time, as locked, and change nothing', async () => {
    await table(`${STUDENT}; CREATE INDEX idx_student_location ON "Student" (location)`);
    const other = await freshSession();
    await other.query(`BEGIN; ALTER INDEX idx_student_location SET (fillfactor = 50)`);
    const error = await failure(ensure(wanted, { lockTimeoutMs: 50, waitMs: 200 }));
    await other.end();
    expect([error.code, error.kind]).toEqual(['index-lock-timeout', 'locked']);
    expect((await readIndex(client, 'public', 'idx_student_location'))?.storage).toEqual({});
  });
});
