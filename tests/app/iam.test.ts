import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PrismaPg } from '@prisma/adapter-pg';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';

import { ApplicationPool, poolSettings } from '../../app/pool';
import { type Authority, makeAuthority } from '../support/certificates';
import { embeddedBinaries, installedBinaries, type TestCluster } from '../support/cluster';
import { ANOTHER_MACHINE, startTlsServer } from '../support/tlsServer';

/** Answers in place of AWS's signer, which needs no network either: what it signs is what the server is given as a password. */
const signer = vi.hoisted(() => ({
  asked: [] as unknown[],
  tokens: [] as string[],
  failure: undefined as Error | undefined,
}));
vi.mock('@aws-sdk/rds-signer', () => ({
  Signer: class {
    constructor(options: unknown) {
      signer.asked.push(options);
    }
    getAuthToken(): Promise<string> {
      if (signer.failure !== undefined) return Promise.reject(signer.failure);
      return Promise.resolve(signer.tokens.shift() ?? 'no more tokens');
    }
  },
}));

let server: TestCluster;
let authority: Authority;
let folder: string;
let caFile: string;
const pools: ApplicationPool[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coach-iam-'));
  authority = makeAuthority();
  caFile = join(folder, 'authority.pem');
  writeFileSync(caFile, authority.certificate);
  server = await startTlsServer(installedBinaries() ?? embeddedBinaries() ?? '', authority, 'first token');
});
afterEach(async () => {
  signer.asked.length = 0;
  signer.tokens.length = 0;
  signer.failure = undefined;
  for (const pool of pools.splice(0)) await pool.close();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function environment(query = `?sslrootcert=${encodeURIComponent(caFile)}`): Record<string, string> {
  return {
    DATABASE_URL: `postgresql://${server.user}@${ANOTHER_MACHINE}:${server.port}/postgres${query}`,
    DATABASE_AUTH: 'iam',
    AWS_REGION: 'eu-west-1',
    DATABASE_POOL_MIN: '0',
    DATABASE_POOL_DESTROY_TIMEOUT: '200',
  };
}
function open(variables = environment()): ApplicationPool {
  const pool = new ApplicationPool(poolSettings(variables));
  pools.push(pool);
  return pool;
}
/** What the server takes from now on, as RDS takes another token a quarter of an hour later. */
async function accept(token: string, known: string): Promise<void> {
  const ssl = { ca: authority.certificate, checkServerIdentity: () => undefined };
  const { port, user } = server;
  const client = new Client({ host: ANOTHER_MACHINE, port, user, password: known, database: 'postgres', ssl });
  await client.connect();
  await client.query(`ALTER ROLE ${user} PASSWORD ${client.escapeLiteral(token)}`);
  await client.end();
}
const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('It did not fail.'),
    (error: Error) => error,
  );

it('asks for a token for each connection, for host, port and role of the address, over TLS that was verified', async () => {
  const pool = open();
  signer.tokens.push('first token');
  const first = await pool.connect();
  const { rows } = await first.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  expect(rows).toEqual([{ ssl: true }]);
  await accept('second token', 'first token');
  signer.tokens.push('second token');
  const second = await pool.connect();
  expect((await second.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  // The one that stands is asked for nothing again.
  await first.query('SELECT 1');
  expect(signer.asked).toEqual(
    [1, 2].map(() => ({
      hostname: ANOTHER_MACHINE,
      port: server.port,
      username: server.user,
      region: 'eu-west-1',
    })),
  );
  first.release();
  second.release();
  await accept('first token', 'second token');
});

it('serves Prisma’s adapter', async () => {
  signer.tokens.push('first token');
  const adapter = await new PrismaPg(open()).connect();
  const answer = await adapter.queryRaw({ sql: 'SELECT current_user::text AS "user"', args: [], argTypes: [] });
  expect(answer.rows).toEqual([[server.user]]);
  await adapter.dispose();
});

it('a signer that fails says what to do, at once', async () => {
  signer.failure = new Error('Could not load credentials from any providers');
  const failure = await failureOf(open().query('SELECT 1'));
  expect(failure.message).toContain(`No IAM token for ${server.user} at ${ANOTHER_MACHINE}:${server.port}`);
  expect(failure.message).toContain('Could not load credentials from any providers');
  expect(failure.message).toContain('AWS credentials that may do rds-db:connect');
});

it('a token that the server does not take is its refusal, and no password of the surroundings is tried', async () => {
  vi.stubEnv('PGPASSWORD', 'first token');
  signer.tokens.push('expired');
  expect(await failureOf(open().query('SELECT 1'))).toMatchObject({ code: '28P01' });
  vi.unstubAllEnvs();
});

it('a certificate that is neither of a public authority nor of Amazon’s is refused before any token is made', async () => {
  const failure = await failureOf(open(environment('')).query('SELECT 1'));
  expect(failure).toMatchObject({ code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) as string });
  expect(signer.asked).toEqual([]);
});

it('reads its settings all at once, and lets no address weaken TLS', () => {
  const { url, iam } = poolSettings({
    ...environment(),
    DATABASE_URL: 'postgresql://app@proxy:5432/db?sslmode=verify-full&sslrootcert=/ca.pem&application_name=x',
  });
  expect(url).toBe('postgresql://app@proxy:5432/db?application_name=x');
  expect(iam).toEqual({ region: 'eu-west-1', caFile: '/ca.pem' });
  const wrong = { DATABASE_URL: 'postgresql://app:secret@proxy/db?sslmode=require', DATABASE_AUTH: 'iam' };
  expect(() => poolSettings(wrong)).toThrow(
    /AWS_REGION is not set.*\n.*holds a password.*\n.*sslmode=require, expected verify-full/,
  );
  expect(() => poolSettings({ ...environment(), DATABASE_AUTH: 'kerberos' })).toThrow(
    'DATABASE_AUTH is "kerberos", expected password or iam.',
  );
});
