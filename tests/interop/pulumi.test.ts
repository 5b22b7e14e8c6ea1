import { readFileSync } from 'node:fs';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { missingPulumi, PULUMI_ENVIRONMENT } from '../support/pulumi';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: going back and forth with Pulumi (${reason})\n`);

let project: TestProject;
let committed: string;

type Engine = 'pulumi' | 'embedded';

async function run(engine: Engine, command: string, ...options: string[]): Promise<Record<string, unknown>> {
  const result = await project.json([command, '--engine', engine, ...options], PULUMI_ENVIRONMENT);
  expect(result.code, `${engine} ${command}: ${result.stdout}\n${result.stderr}`).toBe(0);
  return result.report;
}

/** The operations other than `same`, by resource name. */
function operations(report: Record<string, unknown>): Record<string, string> {
  const changes = report['changes'] as { name: string; type: string; operation: string }[];
  return Object.fromEntries(
    changes
      .filter(({ operation, type }) => operation !== 'same' && !/^(coach|pulumi:pulumi)/.test(type))
      .map(({ name, operation }) => [name, operation]),
  );
}

async function admin(sql: string): Promise<void> {
  const { report } = await project.json(['env']);
  const url = new URL((report['variables'] as Record<string, string>)['DIRECT_URL'] ?? '');
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

describe.skipIf(reason !== undefined)('one state, two engines', { timeout: 600_000 }, () => {
  beforeAll(() => {
    project = new TestProject();
    committed = project.path('Pulumi.local.yaml');
  });
  afterAll(async () => {
    await project.remove();
  });

  it('embedded up, then Pulumi sees no change, in a preview and in an up', async () => {
    await run('embedded', 'up', '--yes');
    expect(operations(await run('pulumi', 'preview'))).toEqual({});
    expect(operations(await run('pulumi', 'up', '--yes'))).toEqual({});
    expect(operations(await run('embedded', 'up', '--yes'))).toEqual({});
  });

  it('Pulumi up after a settings change, then the embedded engine has no change, and the reverse', async () => {
    project.set('parameters', { work_mem: '8MB' });
    project.set('roles', { application: { connectionLimit: 25 } });
    project.set(
      'extensions',
      ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements', 'citext'].map((name) => ({ name })),
    );
    const changed = { server: 'update', 'role-inclusive': 'update', 'database-citext': 'create' };
    expect(operations(await run('pulumi', 'preview'))).toEqual(changed);
    expect(operations(await run('embedded', 'preview'))).toEqual(changed);
    expect(operations(await run('pulumi', 'up', '--yes'))).toEqual(changed);
    expect(operations(await run('embedded', 'up', '--yes'))).toEqual({});
    project.set('parameters', { work_mem: '6MB' });
    project.set('extensions', undefined);
    expect(operations(await run('embedded', 'up', '--yes'))).toEqual({ server: 'update', 'database-citext': 'delete' });
    expect(operations(await run('pulumi', 'up', '--yes'))).toEqual({});
  });

  it('rotates a password with either and leaves the other nothing to do', async () => {
    const before = readFileSync(project.path('.coachdb', 'state', '.pulumi', 'stacks', 'coach', 'local.json'), 'utf8');
    await run('pulumi', 'up', '--yes', '--rotate-password', 'inclusive');
    expect(operations(await run('embedded', 'up', '--yes'))).toEqual({});
    await run('embedded', 'up', '--yes', '--rotate-password', 'inclusive');
    expect(operations(await run('pulumi', 'up', '--yes'))).toEqual({});
    expect(
      readFileSync(project.path('.coachdb', 'state', '.pulumi', 'stacks', 'coach', 'local.json'), 'utf8'),
    ).not.toBe(before);
  });

  it('repairs drift made by hand with either', async () => {
    for (const engine of ['pulumi', 'embedded'] as const) {
      await admin('SET ROLE coach_owner; REVOKE INSERT ON "User" FROM inclusive; DROP INDEX idx_user_email');
      await admin(
        'SET ROLE coach_owner; GRANT UPDATE ON "User" TO PUBLIC; GRANT SELECT ON _prisma_migrations TO inclusive',
      );
      await admin("ALTER ROLE coach_owner SET work_mem = '2GB'");
      const repaired = operations(await run(engine, 'up', '--yes'));
      expect(repaired, engine).toMatchObject({ privileges: 'update', 'database-login-settings': 'update' });
      expect(Object.keys(repaired), engine).toContain('idx_user_email');
      expect(operations(await run('embedded', 'up', '--yes')), engine).toEqual({});
    }
  });

  it('goes on from a stopped server, and refreshes, with either', async () => {
    for (const engine of ['pulumi', 'embedded'] as const) {
      expect((await project.run(['destroy', '--yes'])).code).toBe(0);
      await run(engine, 'refresh', '--yes');
      expect(operations(await run('embedded', 'up', '--yes')), engine).toEqual({});
      expect((await project.run(['destroy', '--yes'])).code).toBe(0);
      await run(engine, 'up', '--yes');
      expect(operations(await run('embedded', 'preview')), engine).toEqual({});
    }
  });

  it('never leaves the encryption salt in the committed settings', () => {
    expect(readFileSync(committed, 'utf8')).not.toContain('encryptionsalt');
  });
});

describe.skipIf(reason !== undefined)('Pulumi first', { timeout: 300_000 }, () => {
  beforeAll(() => {
    project = new TestProject();
  });
  afterAll(() => project.remove());

  it('Pulumi up on a fresh checkout, then the embedded engine has no change', async () => {
    await run('pulumi', 'up', '--yes');
    expect(operations(await run('embedded', 'up', '--yes'))).toEqual({});
  });
});
