import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { migrationFolder, problemOf, removeFolders } from './support';

afterAll(removeFolders);

const SQL = 'SELECT 1;\n';

it('reads migrations by name, with the checksum of the bytes', () => {
  const directory = migrationFolder({ '20250102000000_b': '-- ñ 🦤\r\nSELECT 1;\r\n', '20250101000000_a': SQL });
  const { migrations, warnings } = readMigrationFolder(directory);
  expect(migrations.map((migration) => migration.name)).toEqual(['20250101000000_a', '20250102000000_b']);
  expect(migrations[1]).toMatchObject({
    path: join(directory, '20250102000000_b', 'migration.sql'),
    sql: '-- ñ 🦤\r\nSELECT 1;\r\n',
    checksum: createHash('sha256').update('-- ñ 🦤\r\nSELECT 1;\r\n').digest('hex'),
  });
  expect(warnings).toEqual([]);
});

it('sorts as Prisma does, by language and not by code unit', () => {
  const directory = migrationFolder({ '20250101000000_Zebra': SQL, '20250101000000_apple': SQL, '0_init': SQL });
  const names = readMigrationFolder(directory).migrations.map((migration) => migration.name);
  expect(names).toEqual(['0_init', '20250101000000_apple', '20250101000000_Zebra']);
});

it('names stray files and a missing lock file instead of passing over them', () => {
  const directory = migrationFolder({ '20250101000000_a': SQL }, null);
  writeFileSync(join(directory, 'notes.txt'), '');
  const { warnings } = readMigrationFolder(directory);
  expect(warnings).toHaveLength(2);
  expect(warnings.join()).toMatch(/migration_lock\.toml is missing.*notes\.txt is no migration/s);
});

it.each([
  ['sqlite', 'provider = "sqlite"\n', 'says provider = "sqlite"', 'npm run db:migrate-to-postgresql -- --prepare'],
  ['mysql', 'provider = "mysql"\n', 'says provider = "mysql"', 'prisma migrate diff --from-empty'],
  ['nothing', '# empty\n', 'names no provider', 'prisma migrate diff --from-empty'],
])('refuses a lock file that says %s, as P3019', async (_name, lock, says, remedy) => {
  const error = await problemOf(() => readMigrationFolder(migrationFolder({ '20250101000000_a': SQL }, lock)));
  expect(error.code).toBe('migration-provider');
  expect(error.message).toContain(says);
  expect(error.remedy).toContain(remedy);
});

const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(SQL, 'utf16le')]);
it.each<[string, Uint8Array | string, string, RegExp]>([
  ['a byte order mark', `\ufeff${SQL}`, 'migration-encoding', /byte order mark/],
  ['UTF-16', utf16, 'migration-encoding', /UTF-16, as Windows PowerShell/],
  ['a NUL', 'SELECT 1;\0', 'migration-nul', /NUL character \(offset 9\)/],
])(
  'says that a script with %s cannot be applied, and how to go on without touching it',
  (_name, content, code, message) => {
    const [file] = readMigrationFolder(migrationFolder({ '20250101000000_a': content })).migrations;
    expect(file?.unfit).toMatchObject({ code, object: file?.path });
    expect(file?.unfit?.message).toMatch(message);
    expect(file?.unfit?.remedy).toContain('leave the file as it is, do its work by hand');
  },
);

it.each([
  ['PRAGMA', '-- RedefineTables\nPRAGMA foreign_keys=OFF;\n', 2],
  ['AUTOINCREMENT', 'CREATE TABLE "A" (\n  "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT\n);\n', 1],
  ['WITHOUT ROWID', 'SELECT 1;\n\nCREATE TABLE "A" ("id" TEXT PRIMARY KEY) WITHOUT ROWID;\n', 3],
])('says of a script with %s that it is SQLite’s, whatever the lock file says', (what, content, line) => {
  const [file] = readMigrationFolder(migrationFolder({ '20250101000000_a': content })).migrations;
  expect(file?.unfit).toMatchObject({ code: 'migration-sqlite', object: file?.path });
  expect(file?.unfit?.message).toContain(`line ${line}, has ${what}`);
  expect(file?.unfit?.remedy).toContain('npm run db:migrate-to-postgresql -- --prepare');
});

it.each([
  ['a comment', "-- PRAGMA foreign_keys=OFF;\n/* PRIMARY KEY AUTOINCREMENT */ SELECT 'PRAGMA x';"],
  ['a name', 'CREATE TABLE pragma (autoincrement boolean, "PRAGMA" text);'],
])('takes those words in %s for nothing', (_name, content) => {
  const [file] = readMigrationFolder(migrationFolder({ '20250101000000_a': content })).migrations;
  expect(file?.unfit).toBeUndefined();
});

it('says that a folder is between old and new where a run that prepared it was killed', async () => {
  const directory = migrationFolder({});
  mkdirSync(join(directory, '.migrations.999999999.new'));
  const error = await problemOf(() => readMigrationFolder(join(directory, 'migrations')));
  expect(error).toMatchObject({ code: 'migrations-folder' });
  expect(error.message).toMatch(/between old and new: .*\.migrations\.999999999\.new/);
  expect(error.remedy).toContain('-- --prepare');
});

it.each<[string, Uint8Array | string, RegExp]>([
  ['Latin-1', Buffer.from('-- ñ', 'latin1'), /is not UTF-8; PostgreSQL gets U\+FFFD/],
  ['no byte', '', /is empty; it is recorded as applied/],
  ['white space alone', ' \r\n', /is empty/],
])('takes a script with %s as Prisma takes it, with a warning', (_name, content, warning) => {
  const [file] = readMigrationFolder(migrationFolder({ '20250101000000_a': content })).migrations;
  expect(file?.unfit).toBeUndefined();
  expect(file?.warnings).toEqual([expect.stringMatching(warning)]);
});

it('reads what is not UTF-8 as Prisma does, checksum and all', () => {
  const [file] = readMigrationFolder(migrationFolder({ m: Buffer.from('-- \u00f1\n', 'latin1') })).migrations;
  expect(file).toMatchObject({
    sql: '-- \ufffd\n',
    checksum: createHash('sha256').update('-- \ufffd\n').digest('hex'),
  });
});

it('keeps a script that is only a comment', () => {
  const directory = migrationFolder({ '20250101000000_a': '-- This is an empty migration.' });
  expect(readMigrationFolder(directory).migrations).toMatchObject([{ warnings: [] }]);
});

it('says that a folder has no migration.sql, and looks at nothing else in it', () => {
  const directory = migrationFolder({ '20250102000000_b': SQL });
  mkdirSync(join(directory, '20250101000000_a'));
  writeFileSync(join(directory, '20250102000000_b', 'down.sql'), 'DROP TABLE a;');
  const [a, b] = readMigrationFolder(directory).migrations;
  expect(a?.unfit).toMatchObject({ code: 'migration-missing-script' });
  expect(a?.unfit?.message).toContain('20250101000000_a');
  expect(b).toMatchObject({ sql: SQL, warnings: [] });
});

it('follows a linked script, and passes over a linked folder with a warning, as Prisma does', () => {
  const real = migrationFolder({ '20250101000000_a': SQL });
  const folder = migrationFolder({});
  symlinkSync(join(real, '20250101000000_a'), join(folder, '20250101000000_a'));
  const passed = readMigrationFolder(folder);
  expect(passed.migrations).toEqual([]);
  expect(passed.warnings).toEqual([expect.stringContaining('is a symbolic link and is left out')]);

  const file = migrationFolder({ '20250101000000_a': '' });
  const script = join(file, '20250101000000_a', 'migration.sql');
  rmSync(script);
  symlinkSync(join(real, '20250101000000_a', 'migration.sql'), script);
  expect(readMigrationFolder(file).migrations).toMatchObject([{ sql: SQL, warnings: [] }]);
});

it('takes any name a folder can have', () => {
  const names = ['20250101000000_a', "it's a name; with spaces", 'ñandú', 'UPPER'];
  const directory = migrationFolder(Object.fromEntries(names.map((name) => [name, SQL])));
  expect(
    readMigrationFolder(directory)
      .migrations.map(({ name }) => name)
      .sort(),
  ).toEqual([...names].sort());
});

it('says which folder cannot be read', async () => {
  const error = await problemOf(() => readMigrationFolder('/nowhere/migrations'));
  expect(error.message).toContain('/nowhere/migrations cannot be read');
  expect(error.remedy).toContain('coach:app.directory');
});
