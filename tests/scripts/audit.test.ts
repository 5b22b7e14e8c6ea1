import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asAdmin } from '../faults/support';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
  project.set('audit', { hashChain: true });
  expect((await project.run(['up', '--yes', '--engine', 'embedded'])).code).toBe(0);
  await asApplication(async (client) => {
    await client.query(
      `INSERT INTO "User" (id, email, name, "updatedAt") VALUES ('u1', 'ana@example.org', 'Ana', now())`,
    );
    await client.query(
      `BEGIN; SET LOCAL app.current_user_id = 'u42'; UPDATE "User" SET name = 'Anna' WHERE id = 'u1'; COMMIT`,
    );
    await client.query(`UPDATE "User" SET id = 'u2'`);
    await client.query(
      `INSERT INTO "User" (id, email, name, "updatedAt") VALUES ('u3', 'ben@example.org', 'Ben', now())`,
    );
  });
}, 120_000);
afterAll(() => project.remove());

async function asApplication(work: (client: Client) => Promise<void>): Promise<void> {
  const { report } = await project.json(['env']);
  const { DATABASE_URL } = report['variables'] as { DATABASE_URL: string };
  const client = new Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

interface Entry {
  operation: string;
  key: Record<string, unknown> | null;
  user: string | null;
}

async function entriesOf(...args: string[]): Promise<Entry[]> {
  const { code, report } = await project.json(['audit', ...args]);
  expect(code).toBe(0);
  return report['entries'] as Entry[];
}

describe('coachdb audit', { timeout: 60_000 }, () => {
  it('prints one row’s history as differences, from under the key it had before', async () => {
    const { code, stdout } = await project.run(['audit', '--table', 'User', '--key', 'u2']);
    expect(code).toBe(0);
    expect(stdout.match(/^\d{4}-.*$/gm)?.map((line) => line.slice(26))).toEqual([
      'INSERT  User  id="u1"',
      'UPDATE  User  id="u1"',
      'UPDATE  User  id="u1"',
      'KEY  User  id="u2"',
    ]);
    expect(stdout).toContain('  ~ name  "Ana" -> "Anna"\n');
    expect(stdout).toContain('  user u42, role inclusive');
  });

  it('selects by user, operation, time and number, as JSON', async () => {
    expect(await entriesOf('--user', 'u42')).toMatchObject([{ operation: 'UPDATE', key: { id: 'u1' }, user: 'u42' }]);
    expect((await entriesOf('--table', 'public.User', '--operation', 'INSERT')).map(({ key }) => key)).toEqual([
      { id: 'u1' },
      { id: 'u3' },
    ]);
    expect(await entriesOf('--table', 'User', '--limit', '1')).toMatchObject([
      { operation: 'INSERT', key: { id: 'u3' } },
    ]);
    expect(await entriesOf('--table', 'User', '--until', '2020-01-01')).toEqual([]);
    expect(await entriesOf('--table', 'User', '--since', '1h')).toHaveLength(6);
  });

  it.each([
    [['--since', 'yesterday'], 64, /how long ago: 30m, 24h, 7d/],
    [['--table', 'Nope'], 64, /Table public\.Nope is not audited[^]*Audited are public\.Assessment, .*public\.User;/],
    [['--table', 'user', '--since', '1h'], 64, /Table public\.user is not audited/],
    [['--table', 'Nope', '--key', '1'], 64, /Table public\.Nope is not audited/],
    [['--key', '1'], 64, /without a table/],
    [['--limit', '0'], 64, /whole number from 1/],
    [['--operation', 'MERGE'], 64, /INSERT/],
  ])('refuses %j with exit code %i', async (args, code, message) => {
    const result = await project.run(['audit', ...args]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
  });

  it('maintains, seals and verifies; a row altered by the owner is found, exit code 2', async () => {
    const maintained = await project.json(['audit', 'maintain']);
    expect(maintained.code).toBe(0);
    expect((maintained.report['lines'] as string[]).some((line) => line.startsWith('sealed'))).toBe(true);
    const verified = await project.json(['audit', 'verify']);
    expect(verified.code).toBe(0);
    expect(verified.report).toMatchObject({ intact: true, status: 'ok' });
    const [month] = verified.report['months'] as { month: string; head: string }[];
    const anchored = `${month?.month}=${month?.head}`;
    expect((await project.run(['audit', 'verify', '--anchor', anchored])).code).toBe(0);

    const { report } = await project.json(['state', 'export']);
    expect(JSON.stringify(report)).not.toContain('Anna');
    await tamper();
    const broken = await project.run(['audit', 'verify']);
    expect(broken.code).toBe(2);
    expect(broken.stdout).toMatch(/BROKEN/);
    const wrong = await project.run(['audit', 'verify', '--anchor', `${month?.month}=${'0'.repeat(64)}`]);
    expect(wrong.stdout).toMatch(/anchor: no link has the hash/);
  });
});

/** As the administrator, whose password the state has. */
function tamper(): Promise<unknown> {
  return asAdmin(project, (client) =>
    client.query(`UPDATE audit.audit_log SET new_data = '{}' WHERE operation = 'UPDATE' AND user_id = 'u42'`),
  );
}
