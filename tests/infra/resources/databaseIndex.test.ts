import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { DatabaseIndexInputs, DatabaseIndexOutputs } from '../../../infra/resources/databaseIndex';
import { databaseIndex } from '../../../infra/resources/handlers/databaseIndex';
import { rememberPending } from '../../../infra/resources/handlers/pending';
import { retiredName } from '../../../postgres/indexes/names';
import { freshDatabase, type TestDatabase } from '../../support/database';

const ROLE = 'index_resource_owner';
let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await freshDatabase('index_resource');
  client = database.client;
  await client.query(`CREATE ROLE ${ROLE}`);
});
beforeEach(async () => {
  await client.query(`GRANT CREATE ON SCHEMA public TO ${ROLE}; GRANT TEMPORARY ON DATABASE "${database.target.database}" TO ${ROLE};
    SET ROLE ${ROLE}; CREATE TABLE "Student" (id int PRIMARY KEY, location text, language text); RESET ROLE`);
});
afterEach(() => client.query(`DROP OWNED BY ${ROLE} CASCADE`));
afterAll(async () => {
  await client.query(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  await database.drop();
});

function inputs(more: Partial<DatabaseIndexInputs> = {}): DatabaseIndexInputs {
  return {
    name: 'idx_student_location',
    schema: 'public',
    table: 'Student',
    columns: [{ name: 'location' }],
    role: ROLE,
    connection: database.target,
    ...more,
  };
}
/** As the program of a preview registers them. */
const asked = (news: DatabaseIndexInputs) => ({ ...news, __preview: true });
const nowhere = () => ({ ...database.target, port: 1 });
const noDatabase = () => ({ ...database.target, database: 'never_created' });

async function definition(name = 'idx_student_location'): Promise<string | undefined> {
  const { rows } = await client.query<{ oid: number; text: string }>(
    'SELECT oid, pg_get_indexdef(oid) AS text FROM pg_class WHERE relname = $1',
    [name],
  );
  return rows[0] && `${rows[0].oid} ${rows[0].text}`;
}

/** What an engine does for one update: check, diff, and the action where there is one. */
async function up(news: DatabaseIndexInputs, olds?: DatabaseIndexOutputs) {
  const checked = await databaseIndex.check(olds, asked(news));
  expect(checked.failures).toEqual([]);
  if (olds === undefined)
    return { plan: checked.inputs.plan, changes: true, outs: (await databaseIndex.create(checked.inputs)).outs };
  const { changes } = await databaseIndex.diff('id', olds, checked.inputs);
  const outs = changes ? (await databaseIndex.update('id', olds, checked.inputs)).outs : olds;
  return { plan: checked.inputs.plan, changes, outs };
}

describe('check', () => {
  it('waits for a pending migration that names the table, and refuses where none does', async () => {
    // By another name of the host: what is pending there is of this test alone.
    const news = inputs({ connection: { ...database.target, host: 'localhost' }, columns: [{ name: 'locaton' }] });
    const migration = (sql: string) => ({ name: '1_rename', path: '', checksum: '', sql, warnings: [] });
    rememberPending(news.connection, [migration('ALTER TABLE "Student" RENAME location TO locaton;')]);
    expect(await databaseIndex.check(undefined, asked(news))).toMatchObject({
      failures: [],
      inputs: { plan: 'not yet checked: migration 1_rename comes first' },
    });
    rememberPending(news.connection, [migration('ALTER TABLE "Other" RENAME x TO y;')]);
    const { failures } = await databaseIndex.check(undefined, asked(news));
    const reason: unknown = expect.stringContaining('[index-column-missing]');
    expect(failures).toEqual([{ property: '', reason }]);
  });

  it.each([
    ['no server', nowhere],
    ['no database', noDatabase],
    ['another password', () => ({ ...database.target, password: 'unknown' })],
  ])('is clean on a first preview: %s', async (_what, connection) => {
    const news = inputs({ connection: connection(), table: 'NotThereYet' });
    expect(await databaseIndex.check(undefined, news)).toEqual({ inputs: news, failures: [] });
  });

  it('is clean, and says what is missing, where the table or column does not exist yet', async () => {
    const table = await databaseIndex.check(undefined, asked(inputs({ table: 'Studnet' })));
    expect(table.failures).toEqual([]);
    expect(table.inputs.plan).toMatch(
      /^not as things are: .*table public\.Studnet does not exist\. Did you mean Student\?/,
    );
    const column = await databaseIndex.check(undefined, asked(inputs({ columns: [{ name: 'locaton' }] })));
    expect(column.failures).toEqual([]);
    expect(column.inputs.plan).toContain('no column locaton');
  });

  it('drops what the engine added and adds what will happen', async () => {
    const news = { ...inputs(), __provider: 'text', plan: 'old', valid: true } as DatabaseIndexInputs;
    expect((await databaseIndex.check(undefined, asked(news))).inputs).toEqual({ ...inputs(), plan: 'create' });
  });
});

describe('diff', () => {
  it('finds no change in another spelling, nor on a second run', async () => {
    const first = await up(inputs());
    expect(first.outs).toMatchObject({
      valid: true,
      definition: expect.stringContaining('USING btree (location)') as unknown,
    });
    expect(await up(inputs(), first.outs)).toMatchObject({ changes: false, plan: 'none' });
    const otherwise = inputs({
      method: 'BTREE',
      columns: [{ name: 'location', order: 'asc', nulls: 'last', opclass: 'text_ops' }],
    });
    expect((await up(otherwise, first.outs)).changes).toBe(false);
  });

  it('finds what was changed by hand, and repairs it', async () => {
    const { outs } = await up(inputs());
    await client.query('DROP INDEX idx_student_location');
    expect(await up(inputs(), outs)).toMatchObject({ changes: true, plan: 'create' });
    await client.query('DROP INDEX idx_student_location; CREATE INDEX idx_student_location ON "Student" (language)');
    expect(await up(inputs(), outs)).toMatchObject({
      changes: true,
      plan: 'replace: columns location instead of language',
    });
    expect(await definition()).toContain('(location)');
    await client.query(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_student_location'::regclass`);
    expect(await up(inputs(), outs)).toMatchObject({ changes: true, plan: 'rebuild: valid true instead of false' });
    expect((await up(inputs(), outs)).changes).toBe(false);
  });

  it('never asks the engine to replace, even where table, schema and name change', async () => {
    const { outs } = await up(inputs());
    await client.query(`SET ROLE ${ROLE}; CREATE TABLE "Lesson" (location text); RESET ROLE`);
    const news = inputs({ table: 'Lesson', name: 'idx_lesson' });
    const { inputs: checked } = await databaseIndex.check(outs, asked(news));
    expect(checked.plan).toBe('create');
    expect(await databaseIndex.diff('id', outs, checked)).toEqual({ changes: true });
    await databaseIndex.update('id', outs, checked);
    expect(await definition()).toBeUndefined();
    expect(await definition('idx_lesson')).toContain('"Lesson"');
  });

  it('compares the settings where no database answers', async () => {
    const { outs } = await up(inputs());
    const away = { ...outs, connection: nowhere() };
    const same = inputs({ connection: nowhere() });
    expect(await databaseIndex.diff('id', away, same)).toEqual({ changes: false });
    expect(await databaseIndex.diff('id', away, { ...same, unique: true })).toEqual({ changes: true });
  });

  it('keeps the stored connection and role fresh, at no cost', async () => {
    const { outs } = await up(inputs());
    const before = await definition();
    const moved = inputs({ connection: { ...database.target, host: 'localhost' } });
    const after = await up(moved, outs);
    expect(after).toMatchObject({ changes: true, plan: 'none', outs: { connection: { host: 'localhost' } } });
    expect(await definition()).toBe(before);
    expect((await databaseIndex.diff('id', { ...outs, role: 'former' }, inputs())).changes).toBe(true);
  });

  it('takes the answer of the check before it once, then asks again', async () => {
    const { outs } = await up(inputs());
    const { inputs: checked } = await databaseIndex.check(outs, asked(inputs()));
    await client.query('DROP INDEX idx_student_location');
    expect((await databaseIndex.diff('id', outs, checked)).changes).toBe(false);
    expect((await databaseIndex.diff('id', outs, checked)).changes).toBe(true);
  });
});

describe('read of an index that means what it meant', () => {
  it('compares nothing anew, and lets check and diff do without the database', async () => {
    const { outs } = await up(inputs());
    expect(outs.compared).toEqual(expect.any(String));
    const found = await databaseIndex.read('id', outs);
    expect(found).toMatchObject({ id: 'id', props: outs });
    const { inputs: checked } = await databaseIndex.check(outs, asked(inputs()));
    expect(checked.plan).toBe('none');
    expect(await databaseIndex.diff('id', outs, checked)).toEqual({ changes: false });
  });

  it('looks again when anything of it changed, or a run left something beside it', async () => {
    const { outs } = await up(inputs());
    const seen = async (): Promise<string | undefined> => {
      const found = await databaseIndex.read('id', outs);
      const { inputs: checked } = await databaseIndex.check(outs, asked(inputs()));
      await databaseIndex.diff('id', outs, checked);
      return `${found.props?.compared === outs.compared ? 'same' : 'other'}, ${checked.plan}`;
    };
    expect(await seen()).toBe('same, none');
    await client.query('ALTER INDEX idx_student_location SET (fillfactor = 70)');
    expect(await seen()).toMatch(/^other, alter/);
    await client.query('ALTER INDEX idx_student_location RESET (fillfactor)');
    const left = retiredName({ schema: 'public', name: 'idx_student_location' });
    await client.query(`CREATE INDEX "${left}" ON "Student" (location)`);
    expect(await seen()).toMatch(/^other, tidy/);
    await client.query(`DROP INDEX "${left}"`);
    await client.query('ALTER TABLE "Student" ALTER location TYPE varchar(40)');
    expect(await seen()).toMatch(/none$/);
    await client.query('DROP INDEX idx_student_location');
    expect(await databaseIndex.read('id', outs)).toEqual({ id: '' });
  });
});

describe('create and update', () => {
  it('name database, schema and index in the id, and adopt an equal index', async () => {
    await client.query(`SET ROLE ${ROLE}; CREATE INDEX idx_student_location ON "Student" (location); RESET ROLE`);
    const before = await definition();
    expect((await databaseIndex.create(inputs())).id).toBe(`${database.target.database}/public.idx_student_location`);
    expect(await definition()).toBe(before);
  });

  it('refuse with the remedy in the message, having done nothing', async () => {
    await expect(databaseIndex.create(inputs({ columns: [{ name: 'locaton' }] }))).rejects.toThrow(
      /no column locaton[^]*\nDid you mean location\?/,
    );
    await client.query(`INSERT INTO "Student" VALUES (1, 'Lima'), (2, 'Lima')`);
    await expect(databaseIndex.create(inputs({ unique: true }))).rejects.toThrow(
      /Key \(location\)=\(Lima\) is duplicated[^]*\nFind the rows/,
    );
    expect(await definition()).toBeUndefined();
  });

  it('say on stderr how far a long build is', async () => {
    const holder = new Client(database.target);
    await holder.connect();
    await holder.query(`BEGIN; INSERT INTO "Student" VALUES (9)`);
    const lines: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      lines.push(String(text));
      void holder.query('COMMIT');
      return true;
    });
    try {
      await databaseIndex.create(inputs());
    } finally {
      spy.mockRestore();
      await holder.end();
    }
    expect(lines[0]).toMatch(
      /^progress: idx_student_location: waiting for writers before build, .*for process \d+ .*, \d+ s\n$/,
    );
  });

  it('move to another table under the same name, and say so before', async () => {
    const { outs } = await up(inputs());
    await client.query(`SET ROLE ${ROLE}; CREATE TABLE "Lesson" (location text); RESET ROLE`);
    const moved = await up(inputs({ table: 'Lesson' }), outs);
    expect(moved.plan).toBe('replace: table public.Lesson instead of public.Student');
    expect(moved.outs.definition).toContain('"Lesson"');
    // Without a state that says it was ours, the index of that name is left alone.
    const { inputs: stranger } = await databaseIndex.check(undefined, asked(inputs()));
    expect(stranger.plan).toContain('on table Lesson');
  });

  it('rename in place when only the name changed', async () => {
    const { outs } = await up(inputs());
    expect((await databaseIndex.check(outs, asked(inputs({ name: 'idx_renamed' })))).inputs.plan).toBe('rename');
    const before = (await definition())?.split(' ')[0];
    await databaseIndex.update('id', outs, inputs({ name: 'idx_renamed' }));
    expect((await definition('idx_renamed'))?.split(' ')[0]).toBe(before);
  });
});

describe('read', () => {
  it('returns the state unchanged where the index is as declared', async () => {
    const { outs } = await up(inputs({ predicate: "location <> 'x'" }));
    const { plan, ...stored } = outs;
    expect(plan).toBeUndefined();
    const found = await databaseIndex.read('id', outs);
    expect(found).toMatchObject({ id: 'id', props: stored });
    expect(found.inputs).toEqual(inputs({ predicate: "location <> 'x'" }));
  });

  it('returns exactly what drifted, and a later update repairs it', async () => {
    const { outs } = await up(inputs({ predicate: 'id > 1', storage: { fillfactor: 70 } }));
    await client.query(`DROP INDEX idx_student_location; SET ROLE ${ROLE};
      CREATE UNIQUE INDEX idx_student_location ON "Student" (location text_pattern_ops DESC NULLS LAST) WITH (fillfactor = 70); RESET ROLE`);
    const { props } = await databaseIndex.read('id', outs);
    expect(props).toMatchObject({
      unique: true,
      storage: { fillfactor: 70 },
      columns: [{ name: 'location', order: 'desc', nulls: 'last', opclass: 'pg_catalog.text_pattern_ops' }],
      valid: true,
    });
    expect(props).not.toHaveProperty('predicate');
    if (props === undefined) throw new Error('no properties');
    // What was read is itself a spec of the actual index.
    expect((await databaseIndex.diff('id', props, props)).changes).toBe(false);
    expect((await up(inputs({ predicate: 'id > 1', storage: { fillfactor: 70 } }), props)).changes).toBe(true);
  });

  it('says that it is gone: index, table, database, or the name on another table', async () => {
    const { outs } = await up(inputs());
    expect(await databaseIndex.read('id', { ...outs, connection: noDatabase() })).toEqual({ id: '' });
    await client.query('DROP INDEX idx_student_location');
    expect(await databaseIndex.read('id', outs)).toEqual({ id: '' });
    await client.query(
      `SET ROLE ${ROLE}; CREATE TABLE "Lesson" (location text); CREATE INDEX idx_student_location ON "Lesson" (location); RESET ROLE`,
    );
    expect(await databaseIndex.read('id', outs)).toEqual({ id: '' });
    await client.query('DROP TABLE "Student"');
    expect(await databaseIndex.read('id', outs)).toEqual({ id: '' });
  });

  it('is an error, with the remedy, where no server answers', async () => {
    const { outs } = await up(inputs());
    await expect(databaseIndex.read('id', { ...outs, connection: nowhere() })).rejects.toThrow(
      /No PostgreSQL answers[^]*npm start/,
    );
  });
});

describe('delete', () => {
  it('drops the index once, and has nothing to do after that or without the database', async () => {
    const { outs } = await up(inputs());
    await databaseIndex.delete('id', outs);
    expect(await definition()).toBeUndefined();
    await databaseIndex.delete('id', outs);
    await databaseIndex.delete('id', { ...outs, connection: noDatabase() });
  });

  it('never drops what backs a constraint', async () => {
    const { outs } = await up(inputs({ unique: true }));
    await client.query(
      'ALTER TABLE "Student" ADD CONSTRAINT idx_student_location UNIQUE USING INDEX idx_student_location',
    );
    await expect(databaseIndex.delete('id', outs)).rejects.toThrow(
      /backs the unique constraint[^]*\nChange the constraint/,
    );
    expect(await definition()).toBeDefined();
  });
});
