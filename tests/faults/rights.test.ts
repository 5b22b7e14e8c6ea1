import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SqlState } from '../../postgres/connection/sqlstate';
import { codeOf } from '../../system/errors';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { addRetiredGrant, as, asAdmin, changesOf, checkpointOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
}, 120_000);
afterAll(() => project.remove());

const refused = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => 'allowed',
    (error: unknown) => codeOf(error),
  );
const migrator = <T>(work: (client: Client) => Promise<T>, database?: string): Promise<T> =>
  as(project, 'coach_migrator', undefined, work, database);

async function owners(): Promise<unknown> {
  return asAdmin(project, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) AS database,
              (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public') AS public,
              (SELECT tableowner FROM pg_tables WHERE tablename = 'User') AS tables`,
    );
    return rows[0];
  });
}
const OWNERS = { database: 'postgres', public: 'coach_owner', tables: 'coach_owner' };

/** What no resource of the postgresql provider shows, by hand. */
const BY_HAND = [
  'GRANT UPDATE (email) ON "User" TO coach_readonly',
  'GRANT UPDATE ON "User" TO PUBLIC',
  'GRANT INSERT, UPDATE, DELETE ON _prisma_migrations TO inclusive',
  'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO inclusive',
  'ALTER TABLE "Assessment" OWNER TO inclusive',
  'ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner GRANT SELECT ON TABLES TO PUBLIC',
  'GRANT SELECT ON "User" TO inclusive WITH GRANT OPTION; SET ROLE inclusive; GRANT SELECT ON "User" TO coach_monitor; RESET ROLE',
];

const HISTORY = `SELECT coalesce(bool_or(has_table_privilege(r, '_prisma_migrations', p)), false) AS any
  FROM unnest(ARRAY['inclusive', 'coach_loader', 'coach_readonly', 'coach_monitor', 'coach_auditor']) r,
       unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p`;

describe('who owns what', { timeout: 120_000 }, () => {
  it('nobody who logs in can become the owner of the database, so none of them can drop it', async () => {
    expect(await owners()).toEqual(OWNERS);
    for (const role of ['coach_owner', 'coach_migrator']) {
      const dropping = migrator(async (client) => {
        await client.query(`SET ROLE ${role}`);
        await client.query('DROP DATABASE inclusive_ai');
      }, 'postgres');
      expect(await refused(dropping), role).toBe(SqlState.insufficientPrivilege);
    }
    expect(await refused(migrator((client) => client.query('ALTER DATABASE inclusive_ai RENAME TO mine')))).toBe(
      SqlState.insufficientPrivilege,
    );
  });

  it('migrations begin as many do, and make trusted extensions, schemas and temporary tables', async () => {
    const folder = project.path('app', 'prisma', 'migrations', '20991231000000_begins');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      `${folder}/migration.sql`,
      `CREATE SCHEMA IF NOT EXISTS "public";\nCREATE EXTENSION IF NOT EXISTS citext;\nCREATE SCHEMA later;\n` +
        `CREATE TEMPORARY TABLE scratch (id int);\nCREATE TABLE "Later" (name citext);\n`,
    );
    expect((await project.json(['deploy', '--yes'])).code).toBe(0);
    await as(project, 'inclusive', undefined, (client) => client.query(`INSERT INTO "Later" VALUES ('x')`));
    expect([...(await changesOf(project, 'up')).keys()]).toEqual(['application-migrations']);
  });

  it('a stack whose database and schema belonged to others is moved in one step', async () => {
    await asAdmin(project, (client) =>
      client.query(
        'ALTER SCHEMA public OWNER TO pg_database_owner; ALTER DATABASE inclusive_ai OWNER TO coach_owner; REVOKE CREATE, TEMPORARY ON DATABASE inclusive_ai FROM coach_owner',
      ),
    );
    const names = ['database', 'database-schemas'];
    expect([...(await changesOf(project, 'preview')).keys()]).toEqual(expect.arrayContaining(names));
    await changesOf(project, 'up');
    expect(await owners()).toEqual(OWNERS);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });
});

describe('rights', { timeout: 120_000 }, () => {
  it('by hand that no grant shows are one difference, which the preview spells out and up undoes', async () => {
    await asAdmin(project, async (client) => {
      for (const statement of BY_HAND) await client.query(statement);
    });
    const planned = await changesOf(project, 'preview');
    expect([...planned.keys()]).toEqual(['privileges']);
    const said = JSON.stringify(planned.get('privileges')?.changed);
    expect(said).toContain('revoke UPDATE on column public.User.email from coach_readonly');
    expect(said).toContain('revoke UPDATE on table public.User from public');
    expect(said).toContain('give table public.Assessment, which inclusive owns, to coach_owner');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual(['privileges']);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    await asAdmin(project, async (client) => {
      const { rows } = await client.query<{ any: boolean }>(HISTORY);
      expect(rows[0]?.any).toBe(false);
    });
  });

  it('settings by hand are reset before anything runs under them', async () => {
    await asAdmin(project, (client) =>
      client.query(`ALTER DATABASE inclusive_ai SET search_path = 'nowhere'; ALTER ROLE inclusive SET work_mem = '2GB';
        ALTER ROLE coach_migrator IN DATABASE inclusive_ai SET role = 'none'`),
    );
    expect([...(await changesOf(project, 'preview')).keys()]).toEqual(['database-login-settings']);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual(['database-login-settings']);
    await as(project, 'inclusive', undefined, (client) => client.query('SELECT FROM "User"'));
  });

  it('on tables that an older version kept as grants are not revoked with them', async () => {
    addRetiredGrant(project);
    await changesOf(project, 'up');
    await as(project, 'inclusive', undefined, (client) => client.query('SELECT FROM "User"'));
    expect(readFileSync(checkpointOf(project), 'utf8')).not.toContain('TableGrants');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });
});

describe('extensions and schemas', { timeout: 180_000 }, () => {
  it('come in the order they need, into schemas that the declared roles may use, and go the other way round', async () => {
    const usual = ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements'];
    project.set('extensions', [
      { name: 'earthdistance', schema: 'tools' },
      ...usual,
      { name: 'cube', schema: 'tools' },
    ]);
    project.set('schemas', [
      {
        name: 'reporting',
        grants: [
          { role: 'coach_readonly', objectType: 'schema', privileges: ['USAGE'] },
          { role: 'coach_readonly', objectType: 'table', privileges: ['SELECT'] },
        ],
      },
    ]);
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    for (const role of ['inclusive', 'coach_readonly', 'coach_migrator'])
      await as(project, role, undefined, (client) => client.query('SELECT tools.cube(1)'));
    await migrator((client) => client.query('CREATE TABLE reporting.sums (n int)'));
    await as(project, 'coach_readonly', undefined, (client) => client.query('SELECT FROM reporting.sums'));
    const reading = as(project, 'inclusive', undefined, (client) => client.query('SELECT FROM reporting.sums'));
    expect(await refused(reading)).toBe(SqlState.insufficientPrivilege);

    project.set('extensions', undefined);
    project.set('schemas', undefined);
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    await asAdmin(project, async (client) => {
      const { rows } = await client.query<{ schemas: number; rights: boolean; extensions: number }>(
        `SELECT (SELECT count(*)::int FROM pg_namespace WHERE nspname IN ('tools', 'reporting')) AS schemas,
                has_table_privilege('coach_readonly', 'reporting.sums', 'SELECT') AS rights,
                (SELECT count(*)::int FROM pg_extension WHERE extname IN ('cube', 'earthdistance')) AS extensions`,
      );
      // Schemas stay with what is in them; the rights go.
      expect(rows[0]).toEqual({ schemas: 2, rights: false, extensions: 0 });
    });
  });
});

describe('a role that exists already', { timeout: 240_000 }, () => {
  it('is taken over, which the preview says with its attributes, and not dropped when it is no longer declared', async () => {
    await asAdmin(project, (client) =>
      client.query('CREATE ROLE boss SUPERUSER LOGIN; GRANT pg_read_all_data TO boss'),
    );
    project.set('roles', { readOnly: { name: 'boss' } });
    const planned = (await changesOf(project, 'preview')).get('role-boss') as { note?: string } | undefined;
    expect(planned?.note).toBe(
      'takes over a role that exists: LOGIN SUPERUSER, member of pg_read_all_data; it is never dropped',
    );
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    const roles = (): Promise<unknown[]> =>
      asAdmin(project, async (client) => {
        const { rows } = await client.query<Record<string, unknown>>(
          `SELECT rolname, rolsuper FROM pg_roles WHERE rolname IN ('boss', 'coach_readonly') ORDER BY 1`,
        );
        return rows;
      });
    // What the platform made it drops, whatever rights it had.
    expect(await roles()).toEqual([{ rolname: 'boss', rolsuper: false }]);
    project.set('roles', undefined);
    await changesOf(project, 'up');
    expect(await roles()).toEqual([
      { rolname: 'boss', rolsuper: false },
      { rolname: 'coach_readonly', rolsuper: false },
    ]);
    await asAdmin(project, async (client) => {
      const { rows } = await client.query<{ rights: boolean }>(
        `SELECT has_table_privilege('boss', '"User"', 'SELECT') AS rights`,
      );
      expect(rows[0]?.rights).toBe(false);
    });
  });
});
