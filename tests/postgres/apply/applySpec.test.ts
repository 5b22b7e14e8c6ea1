import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { type AppliedStep } from '../../../postgres/apply/run';
import { type RdsServer, startRds } from '../../support/rdsMaster';
import { applyTo, changed, loginsOf, query, specOf } from './support';

describe('a master without superuser', () => {
  const spec = specOf();
  let server: RdsServer;
  beforeAll(async () => {
    server = await startRds(inject('cluster').binaries);
  });
  afterAll(() => server.stop());

  /** Logged in by IAM, as every declared role is. */
  const as = async <T>(user: string, work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ ...loginsOf(server, spec)('migrator'), user });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };

  it('makes everything on an empty server', async () => {
    const begun: AppliedStep[] = [];
    const report = await applyTo(server, spec, { onStep: (step) => begun.push(step) });
    expect(report.steps).toEqual(begun);
    expect([...new Set(report.steps.map(({ phase }) => phase))]).toEqual([
      'database',
      'role',
      'master',
      'login settings',
      'schemas',
      'extension',
      'grants',
      'default privileges',
      'migrations',
      'rights',
      'index',
      'audit trail',
    ]);
    expect(report.migrations).toEqual({ applied: ['20250101000000_baseline'], pending: [] });
    expect(report.warnings).toEqual([]);
  });

  it('finds nothing to do the second time', async () => {
    const report = await applyTo(server, spec);
    expect(changed(report)).toEqual([]);
    expect(report.warnings).toEqual([]);
  });

  it('keeps memberships of the two owners alone, and none that leads to rds_iam', async () => {
    const rows = await query<{ role: string }>(
      server,
      spec.name,
      `SELECT g.rolname AS role FROM pg_auth_members m JOIN pg_roles g ON g.oid = roleid JOIN pg_roles r ON r.oid = member
       WHERE r.rolname = $1 AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) ORDER BY 1`,
      [server.master],
    );
    expect(rows.map(({ role }) => role)).toEqual(['coach_audit_owner', 'coach_owner', 'rds_superuser']);
    const iam = await query<{ role: string }>(
      server,
      spec.name,
      `SELECT r.rolname AS role FROM pg_auth_members m JOIN pg_roles r ON r.oid = member WHERE roleid = 'rds_iam'::regrole AND r.rolname <> 'rds_superuser' ORDER BY 1`,
    );
    expect(iam.map(({ role }) => role)).toEqual(
      spec.roles
        .filter(({ login }) => login)
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('gives no role a password', async () => {
    const rows = await query(
      server,
      spec.name,
      `SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname NOT IN ('postgres', $1)`,
      [server.master],
    );
    expect(rows).toEqual([]);
  });

  it('keeps what the trail promises: recorded, not to be rewritten, not to be switched off', async () => {
    const insert = `INSERT INTO "User" (id, email, "updatedAt") VALUES ('u1', 'a@example.org', now())`;
    await as('inclusive', (client) => client.query(insert));
    const trail = (user: string): Promise<number | null> =>
      as(
        user,
        async (client) => (await client.query(`SELECT FROM audit.audit_log WHERE operation = 'INSERT'`)).rowCount,
      );
    expect(await trail('coach_auditor')).toBe(1);
    const denied: [string, string][] = [
      ['inclusive', 'DELETE FROM audit.audit_log'],
      ['inclusive', 'SELECT FROM audit.audit_log'],
      ['inclusive', 'SET ROLE coach_audit_owner'],
      ['inclusive', 'ALTER TABLE "User" DISABLE TRIGGER ALL'],
      ['coach_migrator', 'UPDATE audit.audit_log SET new_data = NULL'],
      ['coach_migrator', 'SET ROLE coach_audit_owner'],
      ['coach_migrator', 'ALTER TABLE "User" DISABLE TRIGGER "00_audit_update"'],
      ['coach_migrator', 'DROP TRIGGER "00_audit_update" ON "User"'],
      ['coach_migrator', 'DROP TABLE "User" CASCADE'],
      ['coach_auditor', 'DELETE FROM audit.audit_log'],
    ];
    for (const [user, sql] of denied)
      await expect(
        as(user, (client) => client.query(sql)),
        `${user}: ${sql}`,
      ).rejects.toMatchObject({ code: '42501' });
    expect(await trail('coach_auditor')).toBe(1);
  });

  it('lets the guard put another recorder in place where a migration leaves one wanting, and mends it', async () => {
    // Turning a point into text depends on the session.
    await as('coach_migrator', (client) => client.query('ALTER TABLE "Student" ADD COLUMN probe point'));
    const [row] = await query<{ recorder: string }>(
      server,
      spec.name,
      `SELECT tgfoid::regproc::text AS recorder FROM pg_trigger WHERE tgrelid = '"Student"'::regclass AND tgname = '00_audit_update'`,
    );
    expect(row?.recorder).toBe('audit.record_change');
    await as('coach_migrator', (client) => client.query('ALTER TABLE "Student" DROP COLUMN probe'));
    expect(changed(await applyTo(server, spec))).toEqual(['audit trail']);
    expect(changed(await applyTo(server, spec))).toEqual([]);
  });
});
