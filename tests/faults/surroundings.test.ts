import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { defaultParameters } from '../../infra/config/defaults';
import { withClient } from '../../postgres/connection/client';
import type { ConnectionTarget } from '../../postgres/spec';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { ENVIRONMENT, type Level, type OddSetting, oddSettings, setting } from '../support/surroundings';
import { asAdmin, passwordsOf } from './support';

/**
 * The same answers whatever surrounds the platform's sessions. Everything at once in every run; `npm run test:surroundings` sets one thing at a
 * time, so that it says which one.
 */
const ONE_AT_A_TIME = process.env['COACH_SURROUNDINGS'] === '1';
const ROLES = ['postgres', 'coach_migrator', 'coach_auditor'];
const LEVELS: Level[] = ['server', 'database', 'role'];

let project: TestProject;
let admin: ConnectionTarget;
let odd: OddSetting[];
let usual: Answers;

beforeAll(async () => {
  project = await deployedProject();
  const password = (await passwordsOf(project))['postgres'] ?? '';
  admin = { host: '127.0.0.1', port: project.port, database: 'inclusive_ai', user: 'postgres', password };
  await asAdmin(project, async (client) => {
    await client.query(
      `INSERT INTO "User" (id, email, name, "createdAt", "updatedAt") VALUES ('u1', 'ana@example.org', 'Ana', '2026-02-01', '2026-02-13 01:02:03.004')`,
    );
    await client.query(`UPDATE "User" SET name = 'back\\slash', "updatedAt" = '0042-12-31 BC'`);
    odd = await oddSettings(client);
    for (const role of ROLES) if (role !== 'postgres') await client.query(`GRANT odd_role TO ${role}`);
  });
  usual = await answers();
}, 240_000);
afterAll(() => project.remove());

interface Answers {
  changes: string[][];
  preview: unknown;
  audit: unknown;
  verify: unknown;
  deploy: unknown;
}

/** What `up`, `up` again, `preview`, `audit` and `deploy` say; that they work is part of it. */
async function answers(environment: NodeJS.ProcessEnv = {}): Promise<Answers> {
  const report = async (...args: string[]): Promise<Record<string, unknown>> => {
    const result = await project.json(args, environment);
    expect(result.code, `${args.join(' ')}: ${result.stdout}\n${result.stderr}`).toBe(0);
    return result.report;
  };
  const changes = (from: Record<string, unknown>): string[] =>
    (from['changes'] as { name: string; operation: string; changed: unknown }[])
      .filter(({ operation }) => operation !== 'same')
      .map((change) => JSON.stringify(change));
  const engine = ['--engine', 'embedded'];
  // The first may repair what was set by hand.
  await report('up', '--yes', ...engine);
  return {
    changes: [changes(await report('up', '--yes', ...engine))],
    preview: changes(await report('preview', ...engine)),
    audit: (await report('audit', '--table', 'User'))['entries'],
    verify: (await report('audit', 'verify'))['months'],
    deploy: (await report('deploy', '--dry-run'))['pending'],
  };
}

/** On the server only what the stack does not declare: its own parameters `up` puts back. */
const applies = (level: Level, name: string): boolean => level !== 'server' || !(name in defaultParameters());

async function surround(level: Level, names: readonly OddSetting[], withValues: boolean): Promise<void> {
  await withClient(admin, async (client) => {
    for (const { name, value } of names.filter((one) => applies(level, one.name)))
      for (const role of level === 'role' ? ROLES : ['postgres'])
        await client
          .query(setting(level, name, { database: admin.database, role }, withValues ? value : undefined))
          .catch(() => undefined);
    if (level === 'server') await client.query('SELECT pg_reload_conf()');
  });
}

describe.skipIf(ONE_AT_A_TIME)('everything at once', { timeout: 240_000 }, () => {
  it('on server, database and role, and in the environment, changes no answer', async () => {
    for (const level of LEVELS) await surround(level, odd, true);
    const shown = await withClient(admin, (client) =>
      client.query<{ count: number }>('SELECT sum(cardinality(setconfig))::int AS count FROM pg_db_role_setting'),
    );
    expect(shown.rows[0]?.count).toBeGreaterThan(400);
    expect(await answers(ENVIRONMENT)).toEqual(usual);
  });
});

describe.runIf(ONE_AT_A_TIME)('one at a time', { timeout: 3_600_000 }, () => {
  it.each(Object.entries(ENVIRONMENT))('%s=%s changes no answer', async (name, value) => {
    expect(await answers({ [name]: value })).toEqual(usual);
  });

  it.each(LEVELS)('each setting of the %s changes no answer', async (level) => {
    const different: string[] = [];
    for (const one of odd) {
      await surround(level, [one], true);
      const found = await answers().catch((error: unknown) => error);
      try {
        expect(found).toEqual(usual);
      } catch (error) {
        different.push(`${one.name} = ${one.value}: ${String(error)}`);
      }
      await surround(level, [one], false);
    }
    expect(different).toEqual([]);
  });
});
