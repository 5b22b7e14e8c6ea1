import { join } from 'node:path';

import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';

import { migrations as handler } from '../../../infra/resources/handlers/migrations';
import type { MigrationInputs, MigrationOutputs } from '../../../infra/resources/migrations';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { addMigration, migrationFolder, removeFolders, type Stage, stage } from '../../postgres/migrations/support';
import { freePort } from '../../support/cluster';

let place: Stage;
let directory: string;
beforeEach(async () => {
  place = await stage('resource');
  directory = migrationFolder({ [A]: 'CREATE TABLE a (id int);\n' });
});
afterEach(() => place.close());
afterAll(removeFolders);

const A = '20250101000000_a';
const B = '20250102000000_b';

/** As the program declares it: what the folder holds now. */
function declared(more: Partial<MigrationInputs> = {}): MigrationInputs {
  const { host, port, database, user, password } = place.target;
  return {
    directory,
    migrations: readMigrationFolder(directory).migrations.map(({ name, checksum }) => ({ name, checksum })),
    apply: 'always',
    role: place.owner,
    schema: 'public',
    lockTimeoutMs: 2000,
    statementTimeoutMs: 20_000,
    connection: { host, port, database, user, password },
    ...more,
  };
}

const names = (outs: MigrationOutputs): string[] => outs.applied.map((migration) => migration.name);
const changes = async (olds: MigrationOutputs, news: MigrationInputs): Promise<boolean> =>
  (await handler.diff('id', olds, news)).changes;

it('applies on create, has nothing to change then, and applies what comes on update', async () => {
  const inputs = declared();
  expect(await handler.check(undefined, inputs)).toEqual({ inputs, failures: [] });
  const { id, outs } = await handler.create(inputs);
  expect(id).toBe(`${place.target.database}/public`);
  expect(outs).toEqual({ ...inputs, applied: inputs.migrations, pending: [] });
  expect(await changes(outs, declared())).toBe(false);

  addMigration(directory, B, 'CREATE TABLE b ();\n');
  const news = declared();
  expect(await changes(outs, news)).toBe(true);
  const updated = await handler.update(id, outs, news);
  expect(names(updated.outs)).toEqual([A, B]);
  expect(await changes(updated.outs, declared())).toBe(false);
});

it('keeps later migrations pending in mode initial, and says which', async () => {
  const first = await handler.create(declared({ apply: 'initial' }));
  expect(names(first.outs)).toEqual([A]);
  addMigration(directory, B, 'CREATE TABLE b ();\n');
  const news = declared({ apply: 'initial' });
  expect(await changes(first.outs, news)).toBe(true);
  const { outs } = await handler.update(first.id, first.outs, news);
  expect(outs).toMatchObject({ applied: [{ name: A }], pending: [B] });
  // What is pending is shown once; nothing will change it but a migration run.
  expect(await changes(outs, news)).toBe(false);
  expect(await changes(outs, declared())).toBe(true);
});

it('is changed by every input', async () => {
  const inputs = declared();
  const olds = { ...inputs, applied: inputs.migrations, pending: [] };
  expect(await changes(olds, inputs)).toBe(false);
  const connections = { host: 'localhost', port: 1, user: 'x', password: 'x', database: 'x' };
  const others = { role: 'x', lockTimeoutMs: 1, statementTimeoutMs: 1, schema: 'x', apply: 'initial' };
  const changed = [
    ...Object.entries(connections).map(([key, value]) => ({ connection: { ...inputs.connection, [key]: value } })),
    ...Object.entries(others).map(([key, value]) => ({ [key]: value })),
  ];
  for (const change of changed) expect([change, await changes(olds, declared(change))]).toEqual([change, true]);
});

it('refreshes from the database: what was applied there, nothing where the record or the database is gone', async () => {
  const { id, outs } = await handler.create(declared());
  await place.database.client.query('DELETE FROM _prisma_migrations');
  expect((await handler.read(id, outs)).props).toMatchObject({ applied: [], pending: [A] });
  await place.database.client.query('DROP TABLE _prisma_migrations, a');
  const read = await handler.read(id, outs);
  expect(read).toMatchObject({ id, props: { applied: [], pending: [A] }, inputs: declared() });
  expect(await changes(read.props ?? outs, declared())).toBe(true);
  expect((await handler.update(id, read.props ?? outs, declared())).outs.pending).toEqual([]);

  const gone = { ...outs, connection: { ...outs.connection, database: 'never_made' } };
  expect((await handler.read(id, gone)).props).toMatchObject({ applied: [], pending: [A] });
});

it('keeps what it knew where a role was spoiled by hand, so that `up` gets to repair it', async () => {
  const { id, outs } = await handler.create(declared());
  for (const spoiled of [
    { connection: { ...outs.connection, password: 'changed' } },
    { connection: { ...outs.connection, user: 'dropped' } },
    { role: 'dropped' },
    { role: 'postgres' },
  ])
    expect((await handler.read(id, { ...outs, ...spoiled })).props).toMatchObject({
      applied: outs.applied,
      pending: [],
    });
});

it('throws where the server cannot be reached, so that nothing is taken for gone', async () => {
  const { id, outs } = await handler.create(declared());
  const away = { ...outs, connection: { ...outs.connection, port: await freePort() } };
  await expect(handler.read(id, away)).rejects.toThrow(/No PostgreSQL answers at 127\.0\.0\.1:\d+\.\nStart it with/);
});

it('names an edited and a missing applied migration in the preview, with the remedy', async () => {
  const { id, outs } = await handler.create(declared());
  addMigration(directory, A, 'CREATE TABLE a (id bigint);\n');
  await expect(handler.diff(id, outs, declared())).rejects.toThrow(
    /20250101000000_a was edited.*\nBring the file back/,
  );
  await expect(handler.update(id, outs, declared())).rejects.toThrow(/20250101000000_a was edited/);
  directory = migrationFolder({ [B]: 'SELECT 1;' });
  await expect(handler.diff(id, outs, declared())).rejects.toThrow(
    /holds none of the migrations that are applied .*20250101000000_a/,
  );
});

it('says in a preview what is pending, with its statements and what is not all or nothing', async () => {
  const asked = (): Promise<MigrationInputs> =>
    handler.check(outs, { ...declared(), __preview: true }).then(({ inputs }) => inputs);
  const first = await handler.check(undefined, { ...declared(), __preview: true });
  expect(first.inputs.plan).toEqual([`${A} (1 statement)`]);
  const { id, outs } = await handler.create(declared());
  expect((await asked()).plan).toBeUndefined();
  addMigration(directory, B, 'ALTER TABLE a ADD n int;\nCREATE INDEX CONCURRENTLY i ON a (n);\n');
  const plan = [
    `${B} (2 statements; not all or nothing (line 2: CREATE INDEX CONCURRENTLY cannot run inside a transaction))`,
  ];
  expect((await asked()).plan).toEqual(plan);
  await handler.read(id, outs);
  expect((await asked()).plan).toEqual(plan);
  // Nobody stores it, and in mode initial nothing of it is applied.
  expect((await handler.check(outs, declared())).inputs).toEqual(declared());
  expect(
    (await handler.check(outs, { ...declared({ apply: 'initial' }), __preview: true })).inputs.plan,
  ).toBeUndefined();
});

it('forgives line endings', async () => {
  const { outs } = await handler.create(declared());
  addMigration(directory, A, 'CREATE TABLE a (id int);\r\n');
  const news = declared();
  expect(news.migrations).not.toEqual(outs.migrations);
  const { outs: updated } = await handler.update('id', outs, news);
  expect(await changes(updated, declared())).toBe(false);
});

it('names a pending migration that cannot run in the preview, and leaves it alone in mode initial', async () => {
  const { id, outs } = await handler.create(declared());
  addMigration(directory, B, 'CREATE TABLE b (); ROLLBACK;');
  await expect(handler.diff(id, outs, declared())).rejects.toThrow(/20250102000000_b, line 1, column 20: ROLLBACK/);
  expect(await changes(outs, declared({ apply: 'initial' }))).toBe(true);
});

it('fails the check when the folder is unreadable or no longer what was declared', async () => {
  const inputs = declared();
  addMigration(directory, B, 'SELECT 1;');
  addMigration(directory, A, 'SELECT 2;');
  const reasons = async (news: MigrationInputs): Promise<string[]> =>
    (await handler.check(undefined, news)).failures.map(({ property, reason }) => `${property}: ${reason}`);
  expect(await reasons(inputs)).toEqual([
    expect.stringMatching(
      /^migrations: \/.* changed while the program ran \(20250101000000_a, 20250102000000_b\)\. Run/,
    ),
  ]);
  expect(
    await reasons({ ...declared(), migrations: [...declared().migrations, { name: 'x', checksum: 'c' }] }),
  ).toEqual([expect.stringMatching(/changed while the program ran \(x\)/)]);
  expect(await reasons({ ...inputs, directory: '/nowhere' })).toEqual([
    expect.stringMatching(/\/nowhere cannot be read.*\n.*coach:app\.directory/),
  ]);
});

it('takes a relative folder from the project, and deletes nothing', async () => {
  const root = join(__dirname, '../../..');
  const baseline = readMigrationFolder(join(root, 'app/prisma/migrations'));
  const migrations = baseline.migrations.map(({ name, checksum }) => ({ name, checksum }));
  const { id, outs } = await handler.create(declared({ directory: 'app/prisma/migrations', migrations }));
  expect(outs.pending).toEqual([]);
  await handler.delete(id, outs);
  const { rows } = await place.database.client.query(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  );
  expect(rows.map((row: { relname: string }) => row.relname)).toEqual([
    'Assessment',
    'CompletedLesson',
    'Student',
    'User',
    '_prisma_migrations',
  ]);
});
