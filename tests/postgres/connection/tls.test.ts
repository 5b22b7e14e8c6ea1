import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import type { ConnectionTarget } from '../../../postgres/spec';
import type { PlatformError } from '../../../system/errors';
import { giveCertificate, makeAuthority } from '../../support/certificates';
import { embeddedBinaries, installedBinaries, startCluster, type TestCluster } from '../../support/cluster';

const binaries = installedBinaries() ?? embeddedBinaries();
if (binaries === undefined) process.stderr.write('skipped: TLS of connections (no PostgreSQL here)\n');

const authority = makeAuthority();
/** Another key under the same name. */
const stranger = makeAuthority();
const third = makeAuthority('Third');
let cluster: TestCluster;
let folder: string;
let caFile: string;

/** What the connection says of its encryption, or the error. */
async function connect(
  more: { [K in keyof ConnectionTarget]?: ConnectionTarget[K] | undefined } = {},
): Promise<unknown> {
  const { host, port, user, password } = cluster;
  const target = {
    host,
    port,
    user,
    password,
    database: 'postgres',
    sslMode: 'verify-full',
    caFile,
    ...more,
  } as ConnectionTarget;
  try {
    return await withClient(target, async (client) => {
      const { rows } = await client.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()',
      );
      return rows[0];
    });
  } catch (error) {
    const { code, message, remedy, kind } = error as PlatformError;
    return { code, message, remedy, kind };
  }
}

const refusal = (code: string, ...words: string[]): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(words.join('.*')) as string });

/** Without TLS, as an administrator beside the server would. */
async function reconfigure(...statements: string[]): Promise<void> {
  const { host, port, user, password } = cluster;
  const client = new Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  for (const statement of [...statements, 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)'])
    await client.query(statement);
  await client.end();
}

async function serve(hosts: readonly string[], { by = authority, days = 30 } = {}): Promise<void> {
  await giveCertificate(cluster, by.issue(hosts, days));
  await reconfigure('ALTER SYSTEM SET ssl = on');
}

describe.skipIf(binaries === undefined)('TLS of a connection', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    cluster = await startCluster(binaries ?? '');
    folder = mkdtempSync(join(tmpdir(), 'coach-ca-'));
    caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, authority.certificate);
    writeFileSync(join(folder, 'other.pem'), third.certificate);
    writeFileSync(join(folder, 'text.pem'), 'no certificate\n');
    writeFileSync(join(folder, 'broken.pem'), authority.certificate.replace(/\n[^\n]{64}\n/, '\nAAAA\n'));
  }, 60_000);
  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is refused by name where the server offers none', async () => {
    expect(await connect()).toEqual(refusal('tls-unavailable', `${cluster.host}:${cluster.port}`, 'TLS'));
  });

  it('connects where authority and host are right, by name and by address', async () => {
    await serve(['localhost', '127.0.0.1']);
    expect(await connect()).toEqual({ ssl: true });
    expect(await connect({ host: 'localhost' })).toEqual({ ssl: true });
    // Among other authorities too.
    writeFileSync(join(folder, 'bundle.pem'), `# two\n${third.certificate}\n${authority.certificate}`);
    expect(await connect({ caFile: join(folder, 'bundle.pem') })).toEqual({ ssl: true });
  });

  it('refuses the certificate of an authority it does not know, also one of the same name', async () => {
    await serve(['localhost', '127.0.0.1']);
    const other = join(folder, 'other.pem');
    expect(await connect({ caFile: other })).toEqual(refusal('tls-authority', '127.0.0.1', 'other.pem'));
    await serve(['127.0.0.1'], { by: stranger });
    expect(await connect()).toEqual(refusal('tls-authority', '127.0.0.1', 'ca.pem'));
  });

  it('refuses a certificate for another host; an address is not taken for localhost', async () => {
    await serve(['db.example.com']);
    expect(await connect()).toEqual(refusal('tls-host', '127.0.0.1', 'db.example.com'));
    await serve(['localhost']);
    expect(await connect({ host: 'localhost' })).toEqual({ ssl: true });
    expect(await connect()).toEqual(refusal('tls-host', '127.0.0.1', 'localhost'));
  });

  it('refuses an expired certificate', async () => {
    await serve(['127.0.0.1'], { days: -1 });
    expect(await connect()).toEqual(refusal('tls-expired', '127.0.0.1', 'expired'));
  });

  it('names an authority’s file that is missing, or holds no certificate', async () => {
    const file = (name: string): string => join(folder, name);
    expect(await connect({ caFile: file('none.pem') })).toEqual(refusal('ca-file', 'none.pem', 'ENOENT'));
    expect(await connect({ caFile: folder })).toEqual(refusal('ca-file', 'EISDIR'));
    expect(await connect({ caFile: file('text.pem') })).toEqual(refusal('ca-file', 'text.pem', 'no certificate'));
    expect(await connect({ caFile: file('broken.pem') })).toEqual(refusal('ca-file', 'broken.pem', 'certificate'));
    expect(await connect({ caFile: undefined })).toEqual(refusal('ca-file', 'verify-full'));
  });

  it('never goes without TLS to another machine, whatever it is called', async () => {
    for (const host of [
      'db.example.com',
      '10.0.0.1',
      '0.0.0.0',
      '2001:db8::1',
      'localhost.example.com',
      '127.0.0.1.nip.io',
    ]) {
      for (const sslMode of [undefined, 'disable'] as const) {
        const answer = await connect({ host, sslMode, caFile: undefined });
        expect(answer, host).toEqual(refusal('tls-required', host));
        expect(answer).toMatchObject({
          kind: 'refused',
          remedy: expect.stringContaining('coach:database.sslMode') as string,
        });
      }
    }
  });

  it('never depends on what Node is told to trust', async () => {
    await serve(['127.0.0.1'], { by: stranger });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await connect()).toEqual(refusal('tls-authority', 'ca.pem'));
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('tells who goes without to a server that takes nothing else', async () => {
    await serve(['127.0.0.1']);
    const rules = join(cluster.dataDirectory, 'pg_hba.conf');
    writeFileSync(rules, readFileSync(rules, 'utf8').replaceAll(/^host /gm, 'hostssl '));
    await reconfigure();
    expect(await connect()).toEqual({ ssl: true });
    const plain = await connect({ sslMode: 'disable', caFile: undefined });
    expect(plain).toEqual(refusal('login-refused', 'no encryption'));
    expect(plain).toMatchObject({ remedy: expect.stringContaining('coach:database.sslMode') as string });
  });
});
