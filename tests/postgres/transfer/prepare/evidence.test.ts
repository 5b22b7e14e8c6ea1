import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { sqliteMigrations } from '../../../../postgres/transfer/prepare/evidence';
import { application, removeApplications, school } from './support';

afterAll(removeApplications);

const POSTGRES = 'CREATE TABLE "A" ("id" SERIAL NOT NULL, CONSTRAINT "A_pkey" PRIMARY KEY ("id"));\n';
const PLAIN = 'CREATE TABLE "A" (\n    "at" DATETIME NOT NULL\n);\n';
const lock = (provider: string): string => `provider = "${provider}"\n`;

it('recognises the folder that Prisma wrote for SQLite', () => {
  const directory = join(school(), 'prisma/migrations');
  expect(sqliteMigrations(directory)).toEqual({
    directory,
    evidence: `${directory}/migration_lock.toml says provider = "sqlite"`,
    postgres: [],
  });
});

it.each([
  [
    'PRAGMA behind a lock file that was changed by hand',
    'postgresql',
    `${PLAIN}PRAGMA foreign_keys=ON;`,
    'line 4, has PRAGMA',
  ],
  ['a column of type DATETIME', 'postgresql', PLAIN, 'line 1, has a column of type DATETIME'],
  ['the same without a lock file', null, PLAIN, 'line 1, has a column of type DATETIME'],
  [
    'a key inside its column',
    null,
    'CREATE TABLE "A" ("id" TEXT NOT NULL PRIMARY KEY);',
    'has a primary key inside its column',
  ],
])('recognises it by %s', (_what, provider, sql, evidence) => {
  const directory = application({
    'migration_lock.toml': provider === null ? '' : lock(provider),
    '1_init/migration.sql': sql,
  });
  expect(sqliteMigrations(directory)?.evidence).toBe(
    `${directory}/1_init/migration.sql, ${evidence.startsWith('line') ? '' : 'line 1, '}${evidence}, as SQLite does`,
  );
});

it.each([
  ['PostgreSQL’s', lock('postgresql'), POSTGRES],
  ['one that makes a type called datetime', lock('postgresql'), `CREATE DOMAIN datetime AS timestamp;\n${PLAIN}`],
  ['MySQL’s', lock('mysql'), 'CREATE TABLE `A` (`id` INTEGER NOT NULL AUTO_INCREMENT, PRIMARY KEY (`id`));'],
  ['one that shows nothing', '', 'SELECT 1;'],
])('takes no folder for SQLite’s that is %s', (_what, text, sql) => {
  expect(sqliteMigrations(application({ 'migration_lock.toml': text, '1_init/migration.sql': sql }))).toBeUndefined();
});

it('takes none for SQLite’s that does not exist', () => {
  expect(sqliteMigrations(join(application({}), 'migrations'))).toBeUndefined();
});

it('names the scripts that are PostgreSQL’s among SQLite’s', () => {
  const directory = application({
    'migration_lock.toml': lock('postgresql'),
    '1_init/migration.sql': `PRAGMA foreign_keys=ON;\n${PLAIN}`,
    '2_new/migration.sql': POSTGRES,
  });
  expect(sqliteMigrations(directory)).toMatchObject({
    evidence: `${directory}/1_init/migration.sql, line 1, has PRAGMA, as SQLite does`,
    postgres: [join(directory, '2_new/migration.sql')],
  });
});
