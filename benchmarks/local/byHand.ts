import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { databaseSpec } from '../../infra/config/databaseSpec';
import { defaultSettings } from '../../infra/config/defaults';
import { planAudit } from '../../postgres/audit/plan/plan';
import { readAudit } from '../../postgres/audit/plan/readCatalog';
import { serverAccount } from '../../postgres/server/account';
import { findBinaries } from '../../postgres/server/binaries';
import { findFreePort } from '../../postgres/server/port';

/** What the default local stack declares, as somebody who knows PostgreSQL would type it. */
const CLUSTER_SQL = [
  `CREATE ROLE coach_owner NOLOGIN`,
  `CREATE ROLE coach_audit_owner NOLOGIN`,
  `CREATE ROLE inclusive LOGIN PASSWORD 'x' CONNECTION LIMIT 20`,
  `CREATE ROLE coach_migrator LOGIN PASSWORD 'x'`,
  `CREATE ROLE coach_loader LOGIN NOINHERIT PASSWORD 'x'`,
  `CREATE ROLE coach_backup LOGIN PASSWORD 'x'`,
  `CREATE ROLE coach_readonly LOGIN PASSWORD 'x'`,
  `CREATE ROLE coach_monitor LOGIN PASSWORD 'x'`,
  `CREATE ROLE coach_auditor LOGIN PASSWORD 'x'`,
  `GRANT coach_owner TO coach_migrator`,
  `GRANT coach_owner TO coach_loader`,
  `GRANT pg_read_all_data TO coach_backup`,
  `GRANT pg_monitor TO coach_monitor`,
  `CREATE DATABASE inclusive_ai TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`,
];

const DATABASE_SQL = [
  ...['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements'].map((name) => `CREATE EXTENSION "${name}"`),
  `REVOKE ALL ON DATABASE inclusive_ai FROM PUBLIC`,
  `GRANT CONNECT ON DATABASE inclusive_ai TO inclusive, coach_migrator, coach_loader, coach_readonly, coach_monitor, coach_auditor, coach_backup`,
  `GRANT CREATE, TEMPORARY ON DATABASE inclusive_ai TO coach_owner`,
  `ALTER SCHEMA public OWNER TO coach_owner`,
  `GRANT USAGE ON SCHEMA public TO inclusive, coach_readonly`,
  `ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO inclusive`,
  `ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO inclusive`,
  `ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner IN SCHEMA public GRANT SELECT ON TABLES TO coach_readonly`,
  `SET ROLE coach_owner`,
];

const INDEX_SQL = [
  `CREATE INDEX CONCURRENTLY idx_student_location ON "Student" ("location")`,
  `CREATE INDEX CONCURRENTLY idx_student_language ON "Student" ("language")`,
  `CREATE INDEX CONCURRENTLY idx_completed_lesson_student ON "CompletedLesson" ("studentId")`,
  `CREATE INDEX CONCURRENTLY idx_assessment_student ON "Assessment" ("studentId")`,
  `CREATE INDEX CONCURRENTLY idx_user_email ON "User" ("email")`,
];

/** initdb, pg_ctl start and the same SQL; stops and removes the server. `migration`: path of the baseline's SQL. */
export async function serverByHand(root: string, migration: string): Promise<void> {
  const binaries = findBinaries({ choice: 'auto', pathVariable: process.env['PATH'] ?? '', packageRoot: root });
  const account = serverAccount({ uid: process.getuid?.(), root });
  const folder = mkdtempSync(join(tmpdir(), 'coach-by-hand-'));
  chmodSync(folder, 0o755);
  const as = account.switchUser ? { uid: account.uid, gid: account.gid } : {};
  if (account.switchUser) chownSync(folder, account.uid, account.gid);
  const run = (program: string, ...args: string[]): void => {
    execFileSync(join(binaries.directory, program), args, { ...as, cwd: '/', stdio: 'ignore' });
  };
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'x\n');
  const port = await findFreePort(5600, 5700);
  run(
    'initdb',
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '--data-checksums',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
  );
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_preload_libraries=pg_stat_statements`;
  run('pg_ctl', '-D', data, '-l', join(folder, 'log'), '-o', options, '-w', 'start');
  try {
    await connected(port, 'postgres', (client) => statements(client, CLUSTER_SQL));
    await connected(port, 'inclusive_ai', async (client) => {
      await statements(client, [...DATABASE_SQL, readFileSync(migration, 'utf8'), ...INDEX_SQL, 'RESET ROLE']);
      await auditSql(client);
    });
  } finally {
    run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The trail's SQL as `up` would print it, and nothing of what it takes to find out that it is needed. */
async function auditSql(client: Client): Promise<void> {
  const settings = defaultSettings('local', 'local');
  const { audit } = databaseSpec(settings, { projectRoot: '/', machine: { memoryBytes: 2 ** 33, cpus: 2 } });
  const { steps } = planAudit(audit, await readAudit(client, audit), new Date());
  const sql = (alone: boolean): string[] =>
    steps.filter(({ phase }) => (phase === 'alone') === alone).flatMap((one) => one.sql);
  await client.query(['BEGIN', ...sql(false), 'COMMIT', ...sql(true)].join(';\n'));
}

async function connected(port: number, database: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', password: 'x', database });
  await client.connect();
  await work(client).finally(() => client.end());
}

async function statements(client: Client, sql: readonly string[]): Promise<void> {
  for (const statement of sql) await client.query(statement);
}
