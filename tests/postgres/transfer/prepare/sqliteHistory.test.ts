import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'libsql';
import { afterAll, expect, it } from 'vitest';

import { readApplication } from '../../../../postgres/transfer/prepare/application';
import { SqliteHistory } from '../../../../postgres/transfer/prepare/sqliteHistory';
import { SCHOOL } from './support';

const path = join(tmpdir(), `coach-history-${process.pid}.db`);
afterAll(() => rmSync(path, { force: true }));

/** `trigger Student_visits`, as SQLite itself says after the same scripts; what it makes by itself is left out. */
function fromSqlite(scripts: readonly { sql: string }[]): string[] {
  const database = new Database(path);
  try {
    for (const { sql } of scripts) database.exec(sql);
    const rows = database
      .prepare(
        `SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'StudentSearch\\__%' ESCAPE '\\'`,
      )
      .all() as { type: string; name: string }[];
    return rows.map(({ type, name }) => `${type} ${name}`).sort();
  } finally {
    database.close();
  }
}

it('has at the end what SQLite has after the same scripts', async () => {
  const { scripts } = (await readApplication(SCHOOL)).migrations;
  const found = new SqliteHistory(scripts).made.flatMap(({ kind, table, name }) => {
    if (kind === 'table' || kind === 'virtual-table') return [`table ${table}`];
    if (name === undefined || kind === 'collate') return [];
    return [`${kind.replace(/^.*-/, '')} ${name}`];
  });
  expect(found.sort()).toEqual(fromSqlite(scripts));
});
