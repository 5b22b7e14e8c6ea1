import { Client } from 'pg';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { applyMigrations, type MigrationProgress } from '../../../postgres/migrations/apply';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { readHistory } from '../../../postgres/migrations/history';
import { planMigrations } from '../../../postgres/migrations/plan';
import { assumeRole, MIGRATION_LOCK } from '../../../postgres/migrations/session';
import { addMigration, deploy, migrationFolder, options, problemOf, removeFolders, type Stage, stage } from './support';

let place: Stage;
beforeEach(async () => {
  place = await stage('apply');
});
afterEach(() => place.close());
afterAll(removeFolders);

const A = '20250101000000_a';
const B = '20250102000000_b';
const C = '20250103000000_c';

async function column(sql: string): Promise<unknown[]> {
  const { rows } = await place.database.client.query<Record<string, unknown>>(sql);
  return rows.map((row) => Object.values(row)[0]);
}

const recordedNames = (): Promise<unknown[]> => column('SELECT migration_name FROM _prisma_migrations ORDER BY 1');
const tables = (): Promise<unknown[]> =>
  column(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
          AND relname <> '_prisma_migrations' ORDER BY 1`);

it('applies what is pending, once, and reports each step', async () => {
  const directory = migrationFolder({ [A]: 'CREATE TABLE a (); CREATE TABLE aa ();', [B]: '-- nothing' });
  const events: MigrationProgress[] = [];
  const result = await deploy(place, directory, { onProgress: (event) => events.push(event) });
  expect(result.applied.map((migration) => migration.name)).toEqual([A, B]);
  expect(result.history).toEqual(result.applied.map(({ name, checksum }) => ({ name, checksum })));
  expect(events.map(({ phase, name, index }) => `${phase} ${name} ${index}`)).toEqual([
    'locked  0',
    'table  0',
    `begin ${A} 1`,
    `statement ${A} 1`,
    `statement ${A} 1`,
    `record ${A} 1`,
    `commit ${A} 1`,
    `applied ${A} 1`,
    `begin ${B} 2`,
    `record ${B} 2`,
    `commit ${B} 2`,
    `applied ${B} 2`,
  ]);
  expect(events[3]).toMatchObject({ total: 2, statement: 1, statements: 2 });

  addMigration(directory, C, 'CREATE TABLE c ();');
  expect((await deploy(place, directory)).applied.map((migration) => migration.name)).toEqual([C]);
  expect((await deploy(place, directory)).applied).toEqual([]);
  expect(await tables()).toEqual(['a', 'aa', 'c']);
});

it('shows a syntax error with file, line, column and caret, and undoes the migration', async () => {
  const sql = "-- ñandú 🦤\r\nCREATE TABLE b (id int);\r\n\tINSERT INTO b VALUS ('字'); SELECT 1;\r\n";
  const directory = migrationFolder({ [A]: 'CREATE TABLE a ();', [B]: sql });
  const error = await problemOf(() => deploy(place, directory));
  expect(error).toMatchObject({ code: 'migration-failed', object: `${directory}/${B}/migration.sql` });
  expect(error.message.split('\n')).toEqual([
    `Migration ${B} failed at ${directory}/${B}/migration.sql:3:16 (line 3, column 16): ` +
      'syntax error at or near "VALUS" (SQLSTATE 42601)',
    "3 | \tINSERT INTO b VALUS ('字'); SELECT 1;",
    '  | \t              ^',
    'Nothing of this migration was applied. The migration before it in this run is applied.',
  ]);
  expect(error.remedy).toMatch(
    /Correct .* if no database has recorded .* leave the file as it is.*--applied 20250102000000_b/,
  );
  expect(await tables()).toEqual(['a']);
  expect(await recordedNames()).toEqual([A]);

  addMigration(directory, B, sql.replace('VALUS', 'SELECT'));
  await problemOf(() => deploy(place, directory));
  addMigration(directory, B, 'CREATE TABLE b (id int);');
  expect((await deploy(place, directory)).applied.map((migration) => migration.name)).toEqual([B]);
});

it('places the caret behind wide and multi-byte characters of the same line', async () => {
  const directory = migrationFolder({ [A]: `SELECT '字🦤ñ', nope;` });
  const error = await problemOf(() => deploy(place, directory));
  // The two wide characters take two columns each on a terminal.
  expect(error.message).toContain(`1 | SELECT '字🦤ñ', nope;\n  | ${' '.repeat(16)}^`);
  expect(error.message).toContain('line 1, column 15');
});

it('points at the statement where the server gives no position, with detail and hint', async () => {
  const sql = 'CREATE TABLE b (id int PRIMARY KEY);\n\nINSERT INTO b\n  VALUES (1), (1);\n';
  const error = await problemOf(() => deploy(place, migrationFolder({ [A]: sql })));
  expect(error.message).toMatch(
    /:3:1 \(line 3, column 1\): duplicate key .*\(SQLSTATE 23505\)\n3 \| INSERT INTO b\n {2}\| \^\nDetail: Key \(id\)=\(1\)/,
  );

  const hint = await problemOf(() =>
    deploy(place, migrationFolder({ [A]: "DO $$ BEGIN RAISE 'no' USING HINT = 'do this'; END $$" })),
  );
  expect(hint.message).toMatch(/\nHint: do this\nWhere: PL\/pgSQL function inline_code_block line 1 at RAISE/);
});

it('undoes a migration whose deferred constraints fail at its end', async () => {
  const sql = `CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (1);`;
  const error = await problemOf(() => deploy(place, migrationFolder({ [A]: sql })));
  expect(error.message).toMatch(/failed at its end .*SQLSTATE 23503/);
  expect(await tables()).toEqual([]);
});

it('refuses before anything runs what would be lost with the connection', async () => {
  const directory = migrationFolder({ [A]: 'CREATE TABLE a ();', [B]: 'BEGIN; CREATE TABLE b ();' });
  const error = await problemOf(() => deploy(place, directory));
  expect(error).toMatchObject({ code: 'migration-transaction', kind: 'refused' });
  expect(error.remedy).toContain(`deploy --applied ${B}`);
  expect(await tables()).toEqual([]);
});

it('is not misled about where a statement ends', async () => {
  // Parentheses that never close keep the semicolon inside the statement, which the server then refuses whole.
  const parentheses = 'CREATE TABLE a (); SELECT (1; COMMIT; SELECT 1';
  expect((await problemOf(() => deploy(place, migrationFolder({ [A]: parentheses })))).message).toContain(
    'SQLSTATE 42601',
  );
  const continued = `CREATE TABLE a (t text DEFAULT E'x'\n  '\\'; COMMIT; SELECT nope(); --');`;
  expect((await deploy(place, migrationFolder({ [B]: continued }))).applied).toHaveLength(1);
  expect(await column('INSERT INTO a DEFAULT VALUES RETURNING t')).toEqual([`x'; COMMIT; SELECT nope(); --`]);
});

it('keeps the record from whom default privileges favour: who writes it can make a migration be skipped', async () => {
  const { client: admin } = place.database;
  await admin.query(
    `ALTER DEFAULT PRIVILEGES FOR ROLE "${place.owner}" GRANT ALL ON TABLES TO PUBLIC, "${place.target.user}"`,
  );
  await deploy(place, migrationFolder({ [A]: 'CREATE TABLE a ();' }));
  const { rows } = await admin.query<{ name: string; grantee: string }>(
    `SELECT relname AS name, grantee::regrole::text AS grantee FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
      WHERE relname IN ('a', '_prisma_migrations') AND grantee <> relowner`,
  );
  expect(rows.some(({ name }) => name === 'a')).toBe(true);
  expect(rows.filter(({ name }) => name === '_prisma_migrations')).toEqual([]);
});

it('gives each migration a clean session', async () => {
  const leaks = `SET ROLE NONE; SET search_path = pg_catalog; SET statement_timeout = '1h'; SET timezone = 'Asia/Tokyo';
    CREATE TEMP TABLE scratch (); PREPARE p AS SELECT 1; LISTEN ears; SET app.current_user_id = 'mallory';`;
  const observes = `CREATE TABLE seen AS SELECT current_user::text AS role, current_setting('search_path') AS path,
      current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
      current_setting('timezone') AS zone, to_regclass('pg_temp.scratch')::text AS scratch,
      current_setting('app.current_user_id', true) AS app_user,
      (SELECT count(*)::int FROM pg_prepared_statements WHERE name = 'p') AS prepared,
      (SELECT count(*)::int FROM pg_listening_channels()) AS listening;`;
  const own = `SELECT current_user = session_user AS self, current_setting('lock_timeout') AS lock, current_setting('timezone') AS zone`;
  const before = (await place.client.query<{ zone: string }>(own)).rows;
  await deploy(place, migrationFolder({ [A]: leaks, [B]: observes }));
  const { rows } = await place.database.client.query('SELECT * FROM seen');
  expect(rows).toEqual([
    {
      role: place.owner,
      path: '"public"',
      statement: '20s',
      lock: '2s',
      zone: before[0]?.zone,
      scratch: null,
      app_user: '',
      prepared: 0,
      listening: 0,
    },
  ]);
  expect(before).toMatchObject([{ self: true }]);
  expect((await place.client.query(own)).rows).toEqual(before);
});

it('runs a script with the settings of its role and database, as Prisma does, and its own statements with none of them', async () => {
  const { database, owner, target } = place;
  await database.client.query(
    `ALTER DATABASE ${target.database} SET DateStyle = 'SQL, DMY'; ALTER ROLE ${target.user} SET quote_all_identifiers = 'on';
     ALTER ROLE ${target.user} SET statement_timeout = '1ms'; ALTER ROLE ${target.user} SET idle_session_timeout = '1ms'`,
  );
  const directory = migrationFolder({
    '1_first': `CREATE TABLE seen AS SELECT current_setting('quote_all_identifiers') AS quoted, '13/02/2020'::date::text AS day;`,
    '2_second': `SET DateStyle = 'SQL, MDY'; SET search_path = nowhere; SET bytea_output = escape;`,
  });
  await withClient(
    target,
    async (client) => {
      const plan = planMigrations(readMigrationFolder(directory), await readHistory(client));
      const { history } = await applyMigrations(client, plan, options(owner));
      expect(history.map(({ name }) => name)).toEqual(['1_first', '2_second']);
      await assumeRole(client, 'public', options(owner), false);
      const { rows } = await readHistory(client);
      expect(rows.map(({ finishedAt }) => finishedAt?.getFullYear())).toEqual([expect.any(Number), expect.any(Number)]);
    },
    { session: 'script' },
  );
  const { rows } = await database.client.query('SELECT * FROM seen');
  expect(rows).toEqual([{ quoted: 'on', day: '13/02/2020' }]);
});

it('takes the lock again that a migration gives away, and goes on', async () => {
  const directory = migrationFolder({
    [A]: 'SELECT pg_advisory_unlock_all();',
    [B]: 'DISCARD ALL;',
    [C]: `CREATE TABLE c AS SELECT count(*)::int AS held FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objid = ${MIGRATION_LOCK}`,
  });
  const { applied, history } = await deploy(place, directory);
  expect(applied.map(({ name }) => name)).toEqual([A, B, C]);
  expect(history.map(({ name }) => name)).toEqual([A, B, C]);
  expect(await column('SELECT held FROM c')).toEqual([1]);
  const locks = await column(`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${MIGRATION_LOCK}`);
  expect(locks).toEqual([]);
});

it('keeps the done statements of a file that is not all or nothing, says how many, and what became of the index', async () => {
  const sql = `CREATE TABLE a (n int);\nINSERT INTO a VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY i ON a (n);\nSELECT 1;`;
  const error = await problemOf(() => deploy(place, migrationFolder({ [A]: sql })));
  expect(error.message).toMatch(/:3:1 \(line 3, column 1\): could not create unique index/);
  expect(error.message).toContain('not all or nothing: 2 of its 4 statements are done and stay');
  expect(error.remedy).toMatch(
    /its index behind as INVALID.*--rolled-back 20250101000000_a.*--applied 20250101000000_a/,
  );
  expect(await column(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass`)).toEqual([false]);
  const { rows } = await place.database.client.query(
    'SELECT logs, finished_at, rolled_back_at, applied_steps_count FROM _prisma_migrations',
  );
  expect(rows).toEqual([{ logs: error.message, finished_at: null, rolled_back_at: null, applied_steps_count: 0 }]);
});

it('undoes the block that failed in such a file', async () => {
  const sql = 'CREATE TABLE a ();\nBEGIN;\nSELECT 1;\nCREATE TABLE lost ();\nCREATE TABLE a ();\nCOMMIT;';
  const error = await problemOf(() => deploy(place, migrationFolder({ [A]: sql })));
  expect(error.message).toContain('line 5, column 1');
  expect(await tables()).toEqual(['a']);
});

it.each<[string, string, string]>([
  ['a new enum value that is used at once', `ALTER TYPE k ADD VALUE 'y'; CREATE TABLE a (k k DEFAULT 'y');`, '55P04'],
  [
    'a procedure that commits',
    'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (); COMMIT; END $$; CALL p();',
    '2D000',
  ],
  [
    'deferred triggers before ALTER TABLE',
    `CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE a (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
     INSERT INTO p VALUES (1); INSERT INTO a VALUES (1); ALTER TABLE a ADD n int; DROP TABLE a; DROP TABLE p; CREATE TABLE a ();`,
    '55006',
  ],
  ['SET TRANSACTION READ ONLY', 'SET TRANSACTION READ ONLY; SELECT 1;', '25006'],
  [
    'SET TRANSACTION behind a query',
    'SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE a ();',
    '25001',
  ],
])('runs %s statement by statement once the server refuses it in a transaction', async (_name, sql) => {
  const directory = migrationFolder({ [A]: `CREATE TYPE k AS ENUM ('x');`, [B]: sql });
  const phases: string[] = [];
  const { applied, warnings } = await deploy(place, directory, { onProgress: ({ phase }) => phases.push(phase) });
  expect(applied.map(({ name }) => name)).toEqual([A, B]);
  expect(phases).toContain('apart');
  expect(warnings).toEqual([expect.stringContaining(`Migration ${B} ran statement by statement`)]);
  expect(
    await column('SELECT applied_steps_count FROM _prisma_migrations WHERE logs IS NULL AND finished_at IS NOT NULL'),
  ).toEqual([1, 1]);
});

it('takes a file whose transaction has to be told something first', async () => {
  const sql = `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
    CREATE TABLE a AS SELECT current_setting('transaction_isolation') AS level; `;
  const { warnings } = await deploy(place, migrationFolder({ [A]: sql }));
  expect(warnings).toEqual([]);
  expect(await column('SELECT level FROM a')).toEqual(['serializable']);
});

it('drops rows that a script returns, and runs COPY TO STDOUT through', async () => {
  const sql = 'SELECT repeat($$x$$, 1000) FROM generate_series(1, 10000); CREATE TABLE a (); COPY a TO STDOUT; ;;';
  expect((await deploy(place, migrationFolder({ [A]: sql }))).applied).toHaveLength(1);
});

it('waits for locks and statements no longer than told', async () => {
  const directory = migrationFolder({ [A]: 'CREATE TABLE a (id int);' });
  await deploy(place, directory);
  addMigration(directory, B, 'ALTER TABLE a ADD n int;');
  await place.database.client.query('BEGIN; LOCK TABLE a');
  const locked = await problemOf(() => deploy(place, directory, { lockTimeoutMs: 50 }));
  await place.database.client.query('ROLLBACK');
  expect(locked.message).toContain('SQLSTATE 55P03');
  expect(locked.remedy).toContain('lockTimeout');
  addMigration(directory, B, 'SELECT pg_sleep(5);');
  const slow = await problemOf(() => deploy(place, directory, { statementTimeoutMs: 50 }));
  expect(slow.message).toContain('SQLSTATE 57014');
  expect(slow.remedy).toContain('statementTimeout');
});

it('lets one of two runs work, and the one that waited finds nothing to do', async () => {
  const directory = migrationFolder({ [A]: 'CREATE TABLE a (); SELECT pg_sleep(0.3);' });
  const other = new Client(place.target);
  await other.connect();
  try {
    const runs = await Promise.all([
      deploy(place, directory, { waitMs: 5000 }),
      deploy({ ...place, client: other }, directory, { waitMs: 5000 }),
    ]);
    expect(runs.map((run) => run.applied.length).sort()).toEqual([0, 1]);
    await other.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const error = await problemOf(() =>
      deploy(place, migrationFolder({ [A]: 'CREATE TABLE a (); SELECT pg_sleep(0.3);', [B]: 'SELECT 1' })),
    );
    expect(error).toMatchObject({ code: 'lock-held', kind: 'locked' });
  } finally {
    await other.end();
  }
});

it('names a role that does not exist, may not be assumed or may not create', async () => {
  const directory = migrationFolder({ [A]: 'SELECT 1' });
  expect((await problemOf(() => deploy(place, directory, { role: 'nobody_here' }))).code).toBe('role-missing');
  expect((await problemOf(() => deploy(place, directory, { role: 'postgres' }))).code).toBe('role-denied');
  await place.database.client.query(`ALTER DATABASE ${place.target.database} OWNER TO postgres`);
  expect((await problemOf(() => deploy(place, directory))).code).toBe('schema-denied');
});

it('says that the record belongs to somebody else', async () => {
  const directory = migrationFolder({ [A]: 'SELECT 1' });
  await deploy(place, directory);
  await place.database.client.query('ALTER TABLE _prisma_migrations OWNER TO postgres');
  addMigration(directory, B, 'SELECT 2');
  expect((await problemOf(() => deploy(place, directory))).code).toBe('history-denied');
});

it('survives a lost connection: nothing of a transaction, a blocking row without one, unknown while committing', async () => {
  await place.database.client.query(`GRANT pg_signal_backend TO ${place.owner}`);
  const killed = migrationFolder({ [A]: 'CREATE TABLE a (); SELECT pg_terminate_backend(pg_backend_pid());' });
  expect((await problemOf(() => deploy(place, killed))).message).toMatch(
    /SQLSTATE 57P01.*Nothing of this migration was applied/s,
  );
  expect(await tables()).toEqual([]);

  await reconnect();
  const ended = migrationFolder({ [A]: 'CREATE TABLE a ();' });
  const closing = { onProgress: ({ phase }: MigrationProgress) => void (phase === 'commit' && place.client.end()) };
  expect((await problemOf(() => deploy(place, ended, closing))).code).toBe('migration-outcome-unknown');

  await reconnect();
  addMigration(killed, A, '-- coachdb: no-transaction\nSELECT 1; SELECT pg_terminate_backend(pg_backend_pid());');
  await problemOf(() => deploy(place, killed));
  await reconnect();
  const blocked = await problemOf(() => deploy(place, killed));
  expect(blocked).toMatchObject({ code: 'migration-failed-before', object: A });
  expect(blocked.message).toContain('(it was interrupted)');
});

async function reconnect(): Promise<void> {
  await place.client.end().catch(() => undefined);
  place.client = new Client(place.target);
  place.client.on('error', () => undefined);
  await place.client.connect();
}
