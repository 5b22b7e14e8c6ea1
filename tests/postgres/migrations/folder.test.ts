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
  ['sqlite', 'provider = "sqlite"\n', 'says provider = "sqlite"'],
  ['nothing', '# empty\n', 'names no provider'],
])('refuses a lock file that says %s, as P3019', async (_name, lock, says) => {
  const error = await problemOf(() => readMigrationFolder(migrationFolder({ '20250101000000_a': SQL }, lock)));
  expect(error.code).toBe('migration-provider');
  expect(error.message).toContain(says);
  expect(error.remedy).toContain('prisma migrate diff --from-empty');
});

const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(SQL, 'utf16le')]);
it.each<[string, Uint8Array | string, string, RegExp]>([
  ['a byte order mark', `\ufeff${SQL}`, 'migration-encoding', /byte order mark/],
  ['UTF-16', utf16, 'migration-encoding', /UTF-16, as Windows PowerShell/],
  ['Latin-1', Buffer.from('-- ñ', 'latin1'), 'migration-encoding', /is not UTF-8/],
  ['no byte', '', 'migration-empty', /is empty/],
  ['white space alone', ' \r\n', 'migration-empty', /is empty/],
  ['a NUL', 'SELECT 1;\0', 'migration-nul', /NUL character \(offset 9\)/],
])('refuses a script with %s', async (_name, content, code, message) => {
  const error = await problemOf(() => readMigrationFolder(migrationFolder({ '20250101000000_a': content })));
  expect(error).toMatchObject({ code, object: expect.stringContaining('20250101000000_a/migration.sql') as string });
  expect(error.message).toMatch(message);
  expect(error.remedy).not.toBe('');
});

it('keeps a script that is only a comment', () => {
  const directory = migrationFolder({ '20250101000000_a': '-- This is an empty migration.' });
  expect(readMigrationFolder(directory).migrations).toHaveLength(1);
});

it('refuses a folder without migration.sql', async () => {
  const directory = migrationFolder({});
  mkdirSync(join(directory, '20250101000000_a'));
  const error = await problemOf(() => readMigrationFolder(directory));
  expect(error.code).toBe('migration-missing-script');
  expect(error.message).toContain('20250101000000_a');
});

it('refuses symbolic links, which Prisma would pass over', async () => {
  const real = migrationFolder({ '20250101000000_a': SQL });
  const folder = migrationFolder({});
  symlinkSync(join(real, '20250101000000_a'), join(folder, '20250101000000_a'));
  expect((await problemOf(() => readMigrationFolder(folder))).code).toBe('migration-symlink');

  const file = migrationFolder({ '20250101000000_a': SQL });
  const script = join(file, '20250101000000_a', 'migration.sql');
  rmSync(script);
  symlinkSync(join(real, '20250101000000_a', 'migration.sql'), script);
  expect((await problemOf(() => readMigrationFolder(file))).code).toBe('migration-symlink');
});

it('says which folder cannot be read', async () => {
  const error = await problemOf(() => readMigrationFolder('/nowhere/migrations'));
  expect(error.message).toContain('/nowhere/migrations cannot be read');
  expect(error.remedy).toContain('coach:app.directory');
});
