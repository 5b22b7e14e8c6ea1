import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { type RdsServer, startRds } from '../../support/rdsMaster';
import { applyTo, changed, query, specOf } from './support';

/** Settings other than the defaults, the steps they change, and what is then so. */
const CHANGES: { raw: Record<string, unknown>; changes: string[]; holds: string }[] = [
  {
    raw: { roles: { readOnly: { connectionLimit: 7 } } },
    changes: ['role coach_readonly'],
    holds: `SELECT rolconnlimit = 7 FROM pg_roles WHERE rolname = 'coach_readonly'`,
  },
  {
    raw: {
      schemas: [{ name: 'rooms', grants: [{ role: 'coach_readonly', objectType: 'schema', privileges: ['USAGE'] }] }],
    },
    changes: ['schemas', 'grants'],
    holds: `SELECT has_schema_privilege('coach_readonly', 'rooms', 'USAGE') AND nspowner = 'coach_owner'::regrole FROM pg_namespace WHERE nspname = 'rooms'`,
  },
  {
    raw: { extensions: ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements', 'citext'] },
    changes: ['extension citext'],
    holds: `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citext')`,
  },
  {
    raw: { indexes: [{ name: 'idx_more', table: 'User', columns: ['email', 'id'] }] },
    changes: ['index public.idx_more'],
    holds: `SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_more'::regclass`,
  },
  {
    raw: { audit: { tables: ['User', 'Student', 'CompletedLesson'] } },
    changes: ['audit trail'],
    holds: `SELECT NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '"Assessment"'::regclass AND tgname LIKE '00_audit%')`,
  },
];

/** What somebody did by hand, as the superuser, and the step that mends it. */
const DRIFTS: [sql: string, step: string][] = [
  ['GRANT UPDATE ON "User" TO PUBLIC', 'rights'],
  ['REVOKE INSERT ON "User" FROM inclusive', 'rights'],
  ['GRANT CREATE ON SCHEMA public TO inclusive', 'grants'],
  ['GRANT CREATE ON DATABASE inclusive_ai TO coach_auditor', 'grants'],
  // From 16 on nobody but a superuser revokes what a superuser granted.
  ['SET ROLE coach_master; GRANT coach_owner TO inclusive', 'role inclusive'],
  ['ALTER ROLE inclusive SET work_mem = 64', 'login settings'],
  ['ALTER DATABASE inclusive_ai SET work_mem = 64', 'login settings'],
  ['ALTER TABLE "User" OWNER TO inclusive', 'rights'],
  ['ALTER SCHEMA public OWNER TO coach_migrator', 'schemas'],
  [
    'ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner IN SCHEMA public GRANT DELETE ON TABLES TO coach_readonly',
    'default privileges',
  ],
  ['DROP INDEX idx_user_email', 'index public.idx_user_email'],
  ['DROP EVENT TRIGGER audit_guard_ddl', 'audit trail'],
];

describe('a declaration that was applied', () => {
  let server: RdsServer;
  const { name } = specOf();
  beforeAll(async () => {
    server = await startRds(inject('cluster').binaries);
    await applyTo(server, specOf());
  });
  afterAll(() => server.stop());

  it('follows a change, and nothing else is touched', async () => {
    const spec = specOf(Object.assign({}, ...CHANGES.map(({ raw }) => raw)) as Record<string, unknown>);
    expect(changed(await applyTo(server, spec)).sort()).toEqual(CHANGES.flatMap(({ changes }) => changes).sort());
    for (const { holds } of CHANGES)
      expect(Object.values((await query(server, name, holds))[0] ?? {}), holds).toEqual([true]);
    expect(changed(await applyTo(server, spec))).toEqual([]);
  });

  it('follows it back: a grant is taken back, a table recorded again; index, schema and extension stay', async () => {
    const report = await applyTo(server, specOf());
    expect(changed(report)).toEqual(['role coach_readonly', 'rights', 'audit trail']);
    expect(report.warnings.map(({ code, object }) => [code, object])).toEqual([['extension-undeclared', 'citext']]);
    const held = await query(server, name, `SELECT has_schema_privilege('coach_readonly', 'rooms', 'USAGE') AS held`);
    expect(held).toEqual([{ held: false }]);
    expect(changed(await applyTo(server, specOf()))).toEqual([]);
  });

  it('mends what was changed by hand', async () => {
    for (const [sql] of DRIFTS) await query(server, name, sql);
    const report = await applyTo(server, specOf());
    expect(changed(report).sort()).toEqual([...new Set(DRIFTS.map(([, step]) => step))].sort());
    expect(changed(await applyTo(server, specOf()))).toEqual([]);
  });

  it('names what is not declared and leaves it', async () => {
    await query(server, name, 'CREATE ROLE reporting; GRANT SELECT ON "User" TO reporting');
    const { warnings } = await applyTo(server, specOf());
    expect(warnings.map(({ code, object }) => [code, object])).toEqual([
      ['role-undeclared', 'reporting'],
      ['extension-undeclared', 'citext'],
    ]);
    const [row] = await query(server, name, `SELECT has_table_privilege('reporting', '"User"', 'SELECT') AS held`);
    expect(row).toEqual({ held: true });
  });

  it('names a setting of all roles, which is a superuser’s', async () => {
    await query(server, 'postgres', 'ALTER ROLE ALL SET work_mem = 64');
    const report = await applyTo(server, specOf());
    await query(server, 'postgres', 'ALTER ROLE ALL RESET work_mem');
    expect(changed(report)).toEqual([]);
    expect(report.warnings.map(({ code, object }) => [code, object])).toContainEqual(['setting-kept', 'work_mem']);
  });

  it('names rights on what belongs to the server’s own superuser, and leaves them', async () => {
    await query(
      server,
      name,
      'CREATE TABLE public.of_the_provider (); GRANT SELECT ON public.of_the_provider TO inclusive',
    );
    const { warnings } = await applyTo(server, specOf());
    const kept = warnings.filter(({ code }) => code === 'privilege-kept').map(({ message }) => message);
    expect(kept).toEqual([
      expect.stringContaining('grant INSERT, UPDATE, DELETE on table public.of_the_provider to inclusive'),
      expect.stringContaining('grant SELECT on table public.of_the_provider to coach_readonly'),
    ]);
  });
});
