import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import Database from 'libsql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openSource } from '../../../postgres/transfer/source/open';
import { compileInto } from '../../support/compiled';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { load, type LoadOptions, Sources } from './source';

let database: TestDatabase;
let sources: Sources;

beforeAll(async () => {
  database = await freshDatabase('transfer_source');
  sources = new Sources();
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});
beforeEach(() => database.client.query('DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v text)'));

const ROWS = 2000;
const MADE = `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
  INSERT INTO t SELECT i, 'value ' || i FROM n`;

const loading = (file: string, options: LoadOptions = {}): ReturnType<typeof load> =>
  load(database.client, file, options);

async function count(): Promise<number> {
  const { rows } = await database.client.query<{ n: string }>('SELECT count(*) AS n FROM t');
  return Number(rows[0]?.n);
}

/** Names, bytes and times of everything in the folder of a file. */
function folderOf(file: string): string {
  const folder = join(file, '..');
  return JSON.stringify(
    readdirSync(folder).map((name) => [
      name,
      statSync(join(folder, name)).mtimeMs,
      readFileSync(join(folder, name)).toString('base64'),
    ]),
  );
}

/** A file alone in a folder of its own. */
function alone(name: string, ...statements: string[]): string {
  const made = sources.make(...(statements.length === 0 ? [MADE] : statements));
  const folder = `${made}.folder`;
  mkdirSync(folder);
  const file = join(folder, name);
  copyFileSync(made, file);
  return file;
}

describe('a source that others have open', () => {
  it('is read with what lies in its write-ahead log alone, and nothing of it changes', async () => {
    const file = alone('app.db');
    const writer = new Database(file);
    writer.exec(`PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (5000, 'in the log')`);
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    const bytes = readFileSync(file);
    await loading(file);
    expect(await count()).toBe(ROWS + 1);
    expect(readFileSync(file).equals(bytes)).toBe(true);
    writer.close();
  });

  it('and written meanwhile arrives as it was', async () => {
    const file = alone('app.db');
    const writer = new Database(file);
    writer.exec(`PRAGMA journal_mode = wal; INSERT INTO t VALUES (5000, 'before')`);
    await loading(file, {
      onPhase: (phase) =>
        writer.exec(
          `INSERT INTO t (v) VALUES ('${phase}'); UPDATE t SET v = '${phase}' WHERE id < 10; DELETE FROM t WHERE id = 100`,
        ),
    });
    expect(await count()).toBe(ROWS + 1);
    const { rows } = await database.client.query(`SELECT v FROM t WHERE id IN (1, 100) ORDER BY id`);
    expect(rows).toEqual([{ v: 'value 1' }, { v: 'value 100' }]);
    writer.close();
  });

  it('only after reading had begun without locks is refused, with nothing kept', async () => {
    const file = alone('app.db');
    const first = new Database(file);
    first.exec(`PRAGMA journal_mode = wal`);
    first.close();
    const changed = loading(file, {
      onPhase: (phase) => {
        if (phase !== 'indexes') return;
        const writer = new Database(file);
        writer.exec(`INSERT INTO t (v) VALUES ('late'); PRAGMA wal_checkpoint(TRUNCATE)`);
        writer.close();
      },
    });
    await expect(changed).rejects.toMatchObject({ code: 'source-changed', kind: 'locked' });
    expect(await count()).toBe(0);
  });

  it('and locked is waited for, then refused', async () => {
    const file = alone('app.db');
    const writer = new Database(file);
    writer.exec('BEGIN EXCLUSIVE');
    await expect(loading(file, { busyMs: 50 })).rejects.toMatchObject({ code: 'source-busy', kind: 'locked' });
    writer.close();
  });

  it('until it was killed in mid-transaction is recovered in a copy', async () => {
    const file = alone('app.db');
    const script = `const Database = require('libsql'); const d = new Database(process.argv[1]);
      d.exec("PRAGMA cache_size = 1; BEGIN; UPDATE t SET v = 'half done ' || v; INSERT INTO t SELECT id + 100000, v FROM t"); process.kill(process.pid, 'SIGKILL')`;
    spawnSync(process.execPath, ['-e', script, file], { cwd: process.cwd() });
    expect(statSync(`${file}-journal`).size).toBeGreaterThan(0);
    const before = folderOf(file);
    await loading(file);
    expect(await count()).toBe(ROWS);
    expect((await database.client.query(`SELECT FROM t WHERE v LIKE 'half%'`)).rowCount).toBe(0);
    expect(folderOf(file)).toBe(before);
  });
});

describe('a source that lies anywhere', () => {
  it.each([
    'with space.db',
    'what?.db',
    'a#b.db',
    '100%.db',
    '%41.db',
    `it's "quoted".db`,
    'line\nbreak.db',
    'ünïcode 💡.db',
    'a&b=c;d.db',
  ])('is found by its name: %j', async (name) => {
    const file = alone(name);
    const before = folderOf(file);
    await loading(file);
    expect(await count()).toBe(ROWS);
    expect(folderOf(file)).toBe(before);
  });
});

describe('what is no source', () => {
  const cases: Record<string, [() => string, string]> = {
    'a text': [() => write('not a database'.repeat(100)), 'source-not-sqlite'],
    'random bytes, as an encrypted one has': [
      () => write(Buffer.from(Array.from({ length: 8192 }, () => Math.floor(Math.random() * 255)))),
      'source-not-sqlite',
    ],
    'an empty file': [() => write(''), 'source-not-sqlite'],
    'a folder': [() => sources.folder, 'source-missing'],
    'a device': [() => '/dev/zero', 'source-missing'],
    'no file': [() => join(sources.folder, 'nothing.db'), 'source-missing'],
    'a file cut off': [() => cutOff(0.5), 'source-truncated'],
    'a file cut off in its first page': [() => cutOff(0.01), 'source-truncated'],
  };
  let written = 0;
  function write(content: string | Buffer): string {
    const file = join(sources.folder, `written${++written}`);
    writeFileSync(file, content);
    return file;
  }
  function cutOff(share: number): string {
    const file = alone('cut.db');
    truncateSync(file, Math.floor(statSync(file).size * share));
    return file;
  }

  it.each(Object.entries(cases))('%s is refused by name', (_, [make, code]) => {
    expect(() => openSource(make()).close()).toThrow(expect.objectContaining({ code }) as Error);
  });
});

it('a hostile schema runs nothing', async () => {
  const file = sources.make(
    MADE,
    `CREATE TABLE "a""b; DROP TABLE t; --" ("x'y" TEXT, "tab\tname" TEXT); CREATE VIEW v AS SELECT * FROM v2; CREATE VIEW v2 AS SELECT * FROM v`,
    `CREATE TRIGGER raises BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'fired'); END`,
    ...Array.from(
      { length: 20 },
      (_, table) =>
        `CREATE TABLE wide${table} (${Array.from({ length: 500 }, (__, column) => `c${column}`).join(', ')})`,
    ),
  );
  await loading(file);
  expect(await count()).toBe(ROWS);
});

/** Loads each file given, and says what became of it. */
const LOADER = `
const { load } = require(process.argv[1] + '/tests/postgres/transfer/source.js');
const { Client } = require('pg');
(async () => {
  const client = new Client(JSON.parse(process.argv[2]));
  await client.connect();
  for (const file of process.argv.slice(3)) {
    const outcome = await load(client, file, { truncate: true }).then(({ tables }) => tables.map(({ loaded }) => loaded).join(), (error) => error.code ?? error.message);
    console.log(outcome.replaceAll('\\n', ' '));
  }
  await client.end();
})();`;

const FLIPS = Number(process.env['COACH_TRANSFER_RUNS'] ?? 60);

it(
  'a source with flipped bits ends with a clear error, or all its rows arrive; the process survives',
  { timeout: 600_000 },
  () => {
    const compiled = compileInto('coach-flips-', ['tests/postgres/transfer/source.ts']);
    const whole = readFileSync(sources.make(MADE, 'CREATE INDEX i ON t (v)'));
    const flips = Array.from({ length: FLIPS }, (_, index) => {
      const bytes = Buffer.from(whole);
      // Heads of pages and the text of the schema, at the end of the first page, are where it hurts.
      const page = Math.floor(Math.random() * (bytes.length / 4096)) * 4096;
      const within = (start: number, length: number): number => start + Math.floor(Math.random() * length);
      const at = [within(0, bytes.length), within(page, 12), within(page, 400), within(3796, 300)][index % 4] as number;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
      const file = join(sources.folder, `flip${index}.db`);
      writeFileSync(file, bytes);
      return { file, at, to: bytes[at] };
    });
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['-e', LOADER, compiled, JSON.stringify(database.target), ...flips.map(({ file }) => file)],
      { encoding: 'utf8' },
    );
    rmSync(compiled, { recursive: true });
    const outcomes = stdout.trim().split('\n');
    expect(status, `${stderr} after ${JSON.stringify(flips[outcomes.length - 1])}`).toBe(0);
    const wrong = outcomes.flatMap((outcome, index) =>
      outcome === String(ROWS) || CLEAR.test(outcome) ? [] : [`${outcome}: ${JSON.stringify(flips[index])}`],
    );
    expect(wrong).toEqual([]);
  },
);

const CLEAR = /^(source-|values-refused$|nothing-to|duplicate-rows$|Table |Column )/;

it('a source that may only be read, in a folder that may only be read, is read by an ordinary user', (context) => {
  if (process.getuid?.() !== 0) return context.skip('needs root, to become another user');
  const file = alone('app.db');
  const folder = join(file, '..');
  const writer = new Database(file);
  writer.exec(`PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (5000, 'in the log')`);
  chmodSync(sources.folder, 0o755);
  chmodSync(file, 0o444);
  chmodSync(`${file}-wal`, 0o444);
  rmSync(`${file}-shm`);
  chmodSync(folder, 0o555);
  const compiled = compileInto('coach-reader-', ['postgres/transfer/source']);
  chmodSync(compiled, 0o755);
  const script = `const { openSource } = require(process.argv[1] + '/postgres/transfer/source/open.js'); const s = openSource(process.argv[2]);
    console.log(String(s.database.first('SELECT count(*) FROM t')[0])); s.close()`;
  const read = execFileSync(process.execPath, ['-e', script, compiled, file], {
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
    cwd: '/',
  });
  expect(read.trim()).toBe(String(ROWS + 1));
  expect(readdirSync(folder).sort()).toEqual(['app.db', 'app.db-wal']);
  writer.close();
  rmSync(compiled, { recursive: true });
});
