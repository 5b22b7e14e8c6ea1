import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { inject } from 'vitest';

import { bringUpAudit } from '../../../postgres/audit/plan/apply';
import type { AuditPlan } from '../../../postgres/audit/plan/plan';
import { planAudit } from '../../../postgres/audit/plan/plan';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import type { AuditSpec } from '../../../postgres/spec';

export interface Server {
  host: string;
  port: number;
  user: string;
  password: string;
  major: number;
}

export interface Roles {
  auditOwner: string;
  reader: string;
  /** Logs in, member of tableOwner, may suspend. */
  migrator: string;
  /** Logs in as itself, becomes tableOwner by SET ROLE alone, may suspend. */
  loader: string;
  /** Member of pg_read_all_data, dumps the database. */
  backup: string;
  /** Owns the application's tables, nobody logs in as it. */
  tableOwner: string;
  app: string;
}

/** A row of the trail as the tests look at it. */
export interface Recorded {
  operation: string;
  table_name: string;
  child_table: string | null;
  key: Record<string, unknown> | null;
  old_data: Record<string, unknown> | null;
  new_data: Record<string, unknown> | null;
  user_id: string | null;
  marker: Record<string, unknown> | null;
}

export interface AuditedDatabase {
  server: Server;
  name: string;
  roles: Roles;
  /** Superuser. */
  admin: Client;
  spec: AuditSpec;
  /** Applies `spec` with these changes, which stay. */
  up(changes?: Partial<AuditSpec>): Promise<AuditPlan>;
  plan(): Promise<AuditPlan>;
  as(role: keyof Roles): Promise<Client>;
  connect(user: string, password?: string): Promise<Client>;
  /** The rows of changes since the last call, in order; markers only with `all`. */
  recorded(options?: { all?: boolean }): Promise<Recorded[]>;
  drop(): Promise<void>;
}

const CHANGES = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'KEY'];

/** A database whose tables belong to an owner of their own, with the roles of the design; nothing is audited before `up`. */
export async function auditedDatabase(
  prefix: string,
  sql: string,
  spec: Partial<AuditSpec> = {},
  server: Server = inject('cluster'),
  /** Instead of a random one. */
  fixedName?: string,
): Promise<AuditedDatabase> {
  const suffix = randomBytes(3).toString('hex');
  const name = fixedName ?? `${prefix}_${suffix}`;
  const role = (what: string): string => `${prefix}_${suffix}_${what}`;
  const roles: Roles = {
    auditOwner: role('audit'),
    reader: role('reader'),
    migrator: role('migrator'),
    loader: role('loader'),
    backup: role('backup'),
    tableOwner: role('owner'),
    app: role('app'),
  };
  const open: Client[] = [];
  const connect = async (user: string, password = 'test', database = name): Promise<Client> => {
    const client = new Client({ host: server.host, port: server.port, user, password, database });
    client.on('error', () => undefined);
    await client.connect();
    open.push(client);
    return client;
  };
  const root = await connect(server.user, server.password, 'postgres');
  for (const [purpose, one] of Object.entries(roles)) {
    const login = purpose === 'auditOwner' || purpose === 'tableOwner' ? 'NOLOGIN' : `LOGIN PASSWORD 'test'`;
    await root.query(`CREATE ROLE ${one} ${login}`);
  }
  await root.query(
    `ALTER ROLE ${roles.loader} NOINHERIT; GRANT ${roles.tableOwner} TO ${roles.migrator}, ${roles.loader}; GRANT pg_read_all_data TO ${roles.backup}`,
  );
  await root.query(`CREATE DATABASE ${name} OWNER ${roles.tableOwner}`);
  const admin = await connect(server.user, server.password);
  await admin.query(`SET ROLE ${roles.tableOwner}`);
  await admin.query(
    `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${roles.app}; GRANT USAGE ON SCHEMA public TO ${roles.app}`,
  );
  await admin.query(sql);
  await admin.query(`RESET ROLE`);
  let last = '00000000-0000-0000-0000-000000000000';
  const database: AuditedDatabase = {
    server,
    name,
    roles,
    admin,
    spec: {
      schema: 'audit',
      table: 'audit_log',
      owner: roles.auditOwner,
      readers: [roles.reader],
      loaders: [roles.migrator, roles.loader],
      dumpers: [roles.backup],
      tables: [],
      retentionMonths: 0,
      monthsAhead: 1,
      hashChain: false,
      ...spec,
    },
    up: (changes = {}) => {
      Object.assign(database.spec, changes);
      return bringUpAudit(admin, database.spec, { lockTimeoutMs: 500, waitMs: 10_000 });
    },
    plan: async () => planAudit(database.spec, await readAudit(admin, database.spec), new Date()),
    connect,
    as: (which) => connect(roles[which]),
    recorded: async ({ all = false } = {}) => {
      const { rows } = await admin.query<Recorded & { id: string }>(
        `SELECT id, operation, table_name, child_table, key, old_data, new_data, user_id, marker FROM audit.audit_log WHERE id > $1 ORDER BY id`,
        [last],
      );
      last = rows.at(-1)?.id ?? last;
      return rows.filter(({ operation }) => all || CHANGES.includes(operation)).map(({ id: _id, ...row }) => row);
    },
    drop: async () => {
      await Promise.all(open.filter((client) => client !== root).map((client) => client.end().catch(() => undefined)));
      await root.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      for (const one of Object.values(roles)) await root.query(`DROP ROLE IF EXISTS ${one}`);
      await root.end();
    },
  };
  return database;
}

/** Links everything that is final; what `seal` did or waits for, a line each. */
export async function sealChain(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>('SELECT audit.seal() AS line');
  return rows.map(({ line }) => line);
}
