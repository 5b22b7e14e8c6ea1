import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { sentSpec } from '../../../postgres/apply/request';
import { packMigrations } from '../../../postgres/migrations/archive';
import type { DatabaseSpec } from '../../../postgres/spec';
import { specOf } from '../../postgres/apply/support';
import { makeAuthority } from '../../support/certificates';
import { type RdsServer, startRds } from '../../support/rdsMaster';
import { BUNDLE, canFreeze, type Place, type Ran, runFunction, Services } from './lambda';

if (!canFreeze()) process.stderr.write('not frozen: the function’s file system (unshare takes root)\n');

const authority = makeAuthority();
let server: RdsServer;
let services: Services;
let folder: string;
let place: Place;
let spec: DatabaseSpec;
let secret: string;

beforeAll(async () => {
  const { certificate: cert, key } = authority.issue(['127.0.0.1']);
  server = await startRds(inject('cluster').binaries, { tls: { cert, key } });
  services = await new Services().start();
  folder = mkdtempSync(join(tmpdir(), 'coach-function-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  secret = JSON.stringify({ username: server.master, password: server.masterPassword });
  services.secrets = [secret];
  place = {
    host: server.host,
    port: server.port,
    caFile: join(folder, 'ca.pem'),
    secretsManager: services.url,
    s3: services.url,
  };
  const settings = specOf();
  spec = {
    ...settings,
    migrations: { ...settings.migrations, apply: 'initial', directory: join(folder, 'migrations') },
  };
  migration('migration_lock.toml', 'provider = "postgresql"\n');
  migration(
    '1_tables',
    'User Student CompletedLesson Assessment'
      .split(' ')
      .map(
        (name) =>
          `CREATE TABLE "${name}" (id text PRIMARY KEY, email text, location text, language text, "studentId" text);`,
      )
      .join('\n'),
  );
}, 120_000);
afterAll(async () => {
  await Promise.all([server.stop(), services.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a migration, or the lock file. */
function migration(name: string, sql: string): void {
  const directory = join(folder, 'migrations');
  const isLock = name.endsWith('.toml');
  mkdirSync(isLock ? directory : join(directory, name), { recursive: true });
  writeFileSync(join(directory, isLock ? name : `${name}/migration.sql`), sql);
}

/** What is sent, with the archive where the key says. */
function request(action: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { key, sha256, text } = packMigrations(spec.migrations.directory);
  services.objects.set(`/artifacts/${key}`, text);
  return { action, spec: sentSpec(spec), migrations: { key, sha256 }, ...more };
}

async function query<T>(sql: string): Promise<T[]> {
  const client = new Client({ ...server.admin, database: spec.name });
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** No password, key or token in anything that it said. */
function expectSilence({ output, report, thrown }: Ran): void {
  for (const text of [output, JSON.stringify(report ?? {}), thrown ?? '']) {
    expect(text).not.toContain(server.masterPassword);
    expect(text).not.toContain('key-of-the-role');
    expect(text).not.toContain('X-Amz-Signature');
  }
}

describe('the migration function', { timeout: 120_000 }, () => {
  it('is under 3 MB as Lambda gets it', () => {
    const packed = readdirSync(BUNDLE).map((name) => deflateRawSync(readFileSync(join(BUNDLE, name))).length);
    expect(packed.reduce((sum, size) => sum + size)).toBeLessThan(3 * 1024 * 1024);
  });

  it('applies the whole declaration on a read-only file system, and then finds nothing to do', async () => {
    const first = await runFunction(request('apply'), place);
    expect(first.report, first.thrown ?? first.output).toMatchObject({
      command: 'apply',
      stack: 'prod',
      status: 'changed',
      problems: [],
      migrations: { applied: ['1_tables'], pending: [] },
    });
    expectSilence(first);
    expect(first.log[0]).toMatchObject({ level: 'INFO', requestId: 'request-1', stack: 'prod', action: 'apply' });
    expect(first.log.map(({ message }) => message)).toContain('audit trail');
    expect(
      await query(`SELECT tableowner FROM pg_tables WHERE tablename = 'Student'
                   UNION ALL SELECT 'trail' FROM pg_trigger WHERE tgrelid = '"Student"'::regclass AND tgname LIKE '%audit%' LIMIT 2`),
    ).toEqual([{ tableowner: spec.owner }, { tableowner: 'trail' }]);
    const second = await runFunction(request('apply'), place);
    expect(second.report).toMatchObject({ status: 'ok', steps: [] });
  });

  it('says what it reached, who answers and what is applied', async () => {
    const { report } = await runFunction({ action: 'status', spec: sentSpec(spec) }, place);
    expect(report).toMatchObject({
      status: 'ok',
      reached: [
        { name: 'the database', reachable: true },
        { name: 'Secrets Manager', reachable: true },
        { name: 'S3', reachable: true },
      ],
      server: { role: spec.migrations.login, inRecovery: false },
      migrations: { applied: [{ name: '1_tables' }], failed: [] },
    });
    const alone = await runFunction({ action: 'status' }, place);
    expect(alone.report).toMatchObject({ status: 'ok', server: { role: server.master } });
  });

  it('deploys what is pending by the migrator, after showing it', async () => {
    migration('2_more', 'ALTER TABLE "Student" ADD COLUMN grade integer;');
    const shown = await runFunction(request('deploy', { dryRun: true }), place);
    expect(shown.report).toMatchObject({ status: 'differs', pending: ['2_more'] });
    expect(shown.report?.['text']).toBe('1 migration applied, 1 pending in prisma/migrations:\n  2_more (1 statement)');
    const done = await runFunction(request('deploy'), place);
    expect(done.report).toMatchObject({ status: 'changed', applied: [{ name: '2_more' }] });
    expectSilence(done);
    expect((await runFunction(request('deploy'), place)).report).toMatchObject({ status: 'ok', applied: [] });
  });

  it('stops in time in the middle of a migration, says so, and goes on from there', async () => {
    migration('3_before', 'CREATE TABLE before_it (id integer);');
    migration('4_slow', 'CREATE TABLE slow (id integer);\nSELECT pg_sleep(60);');
    // What is held back from the end of a run, and some seconds of the sleep.
    const cut = await runFunction(request('deploy'), place, 32_000);
    expect(cut.report, cut.output).toMatchObject({
      status: 'failed',
      problems: [
        {
          code: 'time-limit',
          message: expect.stringMatching(/Time was up.*4_slow/s) as string,
          remedy: expect.stringContaining('next `deploy` goes on from there') as string,
        },
      ],
    });
    expect(await query(`SELECT to_regclass('before_it')::text AS a, to_regclass('slow')::text AS b`)).toEqual([
      { a: 'before_it', b: null },
    ]);
    migration('4_slow', 'CREATE TABLE slow (id integer);');
    const resumed = await runFunction(request('deploy'), place);
    expect(resumed.report).toMatchObject({ status: 'changed', applied: [{ name: '4_slow' }] });
  });

  it('`up` without enough time fails with the same word', async () => {
    const { thrown } = await runFunction(request('apply'), place, 8_000);
    expect(thrown).toMatch(/Time was up at .*\[time-limit\]/s);
  });

  it('throws every word of what is wrong where `up` waits', async () => {
    migration('5_wrong', 'SELECT 1 / 0;');
    spec.migrations.apply = 'always';
    const ran = await runFunction(request('apply'), place);
    expect(ran.thrown).toMatch(/5_wrong.*division by zero/s);
    expect(ran.thrown).toMatch(/\[migration-failed\]$/);
    expect(ran.log.at(-1)).toMatchObject({ level: 'ERROR', problems: [{ code: 'migration-failed' }] });
    expectSilence(ran);
    rmSync(join(spec.migrations.directory, '5_wrong'), { recursive: true });
    spec.migrations.apply = 'initial';
  });

  it('reads the secret again where RDS changed the password in between, and once only', async () => {
    services.secrets = ['old', 'old', server.masterPassword].map((password) =>
      JSON.stringify({ username: server.master, password }),
    );
    const rotated = await runFunction(request('apply'), place);
    expect(rotated.report, rotated.thrown).toMatchObject({ status: 'ok' });
    expect(rotated.log.map(({ message }) => message)).toContainEqual(expect.stringContaining('read again'));
    services.secrets = [JSON.stringify({ username: server.master, password: 'never-right' })];
    const refused = await runFunction(request('apply'), place);
    expect(refused.thrown).toMatch(/refuses the password of the administrator .*\[master-refused\]/s);
    expect(refused.output + (refused.thrown ?? '')).not.toContain('never-right');
    services.secrets = [];
    expect((await runFunction(request('apply'), place)).thrown).toMatch(/kms:Decrypt.*\[secret-unread\]/s);
    services.secrets = [secret];
  });

  it('takes no archive that is not what its key says, and none that leads out of its folder', async () => {
    const sent = request('deploy');
    const { key } = sent['migrations'] as { key: string };
    services.objects.set(`/artifacts/${key}`, '{}');
    expect((await runFunction(sent, place)).report?.problems).toMatchObject([{ code: 'archive-changed' }]);
    services.objects.delete(`/artifacts/${key}`);
    expect((await runFunction(sent, place)).report?.problems).toMatchObject([{ code: 'archive-unread' }]);
    const text = JSON.stringify({ format: 1, lock: null, migrations: [['../escaped', 'SELECT 1;']] });
    const sha256 = createHash('sha256').update(text).digest('hex');
    services.objects.set(`/artifacts/migrations/${sha256}.json`, text);
    const escaping = { ...sent, migrations: { key: `migrations/${sha256}.json`, sha256 } };
    expect((await runFunction(escaping, place)).report).toMatchObject({
      status: 'refused',
      problems: [{ code: 'archive-malformed' }],
    });
    expect(existsSync('/tmp/escaped')).toBe(false);
  });
});
