import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { packMigrations, unpackMigrations } from '../../../postgres/migrations/archive';
import { readMigrationFolder } from '../../../postgres/migrations/folder';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fill(name: string, order: readonly string[]): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  for (const migration of order) {
    mkdirSync(join(directory, migration));
    if (migration !== '3_empty')
      writeFileSync(
        join(directory, migration, 'migration.sql'),
        migration === '2_odd' ? Buffer.from([0xff, 0x41, 0x00]) : `-- ${migration} é\r\n`,
      );
  }
  writeFileSync(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
  return directory;
}

describe('an archive of migrations', () => {
  it('is the same for the same folder, wherever and whenever it was written', () => {
    const one = fill('one', ['1_a', '2_odd', '3_empty']);
    const other = fill('other', ['3_empty', '2_odd', '1_a']);
    utimesSync(join(other, '1_a', 'migration.sql'), 1, 1);
    writeFileSync(join(other, 'notes.txt'), 'no migration');
    expect(packMigrations(other)).toEqual(packMigrations(one));
    writeFileSync(join(other, '1_a', 'migration.sql'), 'SELECT 1;');
    expect(packMigrations(other).key).not.toBe(packMigrations(one).key);
  });

  it('gives back every byte that Prisma reads', () => {
    const one = fill('one', ['1_a', '2_odd', '3_empty']);
    const back = join(folder, 'back');
    mkdirSync(back);
    unpackMigrations(packMigrations(one).text, back);
    expect(packMigrations(back)).toEqual(packMigrations(one));
    expect(readFileSync(join(back, '2_odd', 'migration.sql'))).toEqual(Buffer.from([0xff, 0x41, 0x00]));
    const read = (directory: string): unknown =>
      readMigrationFolder(directory).migrations.map(({ name, checksum }) => ({ name, checksum }));
    expect(read(back)).toEqual(read(one));
  });

  const archive = (...migrations: unknown[]): string => JSON.stringify({ format: 1, lock: null, migrations });
  it.each([
    ['..', archive(['..', 'x'])],
    ['../out', archive(['../out', 'x'])],
    ['an absolute path', archive(['/tmp/out', 'x'])],
    ['a path of Windows', archive(['..\\out', 'x'])],
    ['a drive', archive(['C:', 'x'])],
    ['NUL', archive(['a\0b', 'x'])],
    ['no name', archive(['', 'x'])],
    ['the name of the lock file', archive(['migration_lock.toml', 'x'])],
    ['twice the same', archive(['1', 'x'], ['1', 'y'])],
    ['an entry that is none', archive(['1', { path: '/etc/passwd' }])],
    ['another format', JSON.stringify({ format: 2, lock: null, migrations: [] })],
    ['more than there is', JSON.stringify({ format: 1, lock: null, migrations: [], mode: 0o4755 })],
    ['no JSON', 'PK\u0003\u0004'],
  ])('writes nothing of one that nobody here packed: %s', (_, text) => {
    const back = join(folder, 'back');
    mkdirSync(back);
    expect(() => unpackMigrations(text, back)).toThrow(expect.objectContaining({ code: 'archive-malformed' }));
    expect(readdirSync(back)).toEqual([]);
    expect(readdirSync(folder)).toEqual(['back']);
  });

  it('of a folder that cannot be read names the folder', () => {
    expect(() => packMigrations(join(folder, 'nowhere'))).toThrow(/migrations folder .*nowhere cannot be read/);
  });
});
