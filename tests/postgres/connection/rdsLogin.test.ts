import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { libpqEnvironment } from '../../../postgres/backup/programs';
import { withClient } from '../../../postgres/connection/client';
import { rdsTarget } from '../../../postgres/connection/rdsLogin';
import type { ConnectionTarget } from '../../../postgres/spec';
import { makeAuthority } from '../../support/certificates';
import { embeddedBinaries, installedBinaries, type TestCluster } from '../../support/cluster';
import { ANOTHER_MACHINE, startTlsServer } from '../../support/tlsServer';

const address = {
  host: 'db.abc.eu-west-1.rds.amazonaws.com',
  port: 6432,
  database: 'inclusive_ai',
  user: 'inclusive',
  region: 'eu-west-1',
};
const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'not a secret' };

describe('a login to RDS', () => {
  it('has a token for this role of this instance, signed anew each time', async () => {
    const { token, password, sslMode, authorities = [] } = rdsTarget(address, credentials);
    const url = new URL(`https://${(await token?.()) ?? ''}`);
    expect(url.host).toBe(`${address.host}:6432`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'connect',
      DBUser: 'inclusive',
      'X-Amz-Expires': '900',
      'X-Amz-Credential': expect.stringMatching(/^AKIAEXAMPLE\/\d+\/eu-west-1\/rds-db\/aws4_request$/) as string,
    });
    expect(password).toBeUndefined();
    expect(sslMode).toBe('verify-full');
    expect(authorities.length).toBeGreaterThan(50);
  });

  it('says which role no token could be made for', async () => {
    const { token } = rdsTarget(address, () => Promise.reject(new Error('no credentials here')));
    await expect(token?.()).rejects.toMatchObject({
      code: 'token-unsigned',
      message: expect.stringMatching(/role inclusive .*no credentials here/) as string,
    });
  });

  it('gives PostgreSQL’s programs a token and the authorities as a file', async () => {
    const environment = await libpqEnvironment(rdsTarget(address, credentials), '/bin');
    expect(environment).toMatchObject({
      PGHOST: address.host,
      PGPASSWORD: expect.stringContaining('DBUser=inclusive') as string,
      PGSSLMODE: 'verify-full',
    });
    expect(readFileSync(environment['PGSSLROOTCERT'] ?? '', 'utf8').match(/BEGIN CERTIFICATE/g)?.length).toBe(
      rdsTarget(address).authorities?.length,
    );
  });
});

const binaries = installedBinaries() ?? embeddedBinaries();
if (binaries === undefined) process.stderr.write('skipped: logins with a token (no PostgreSQL here)\n');

describe.skipIf(binaries === undefined)('a connection with a token', { timeout: 60_000 }, () => {
  const authority = makeAuthority();
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTlsServer(binaries ?? '', authority, 'of this minute');
  }, 60_000);
  afterAll(() => cluster.stop());

  const connect = (token: () => Promise<string>, authorities: string[]): Promise<string> => {
    const { port, user } = cluster;
    const target: ConnectionTarget = { host: ANOTHER_MACHINE, port, user, database: 'postgres', token, authorities };
    return withClient({ ...target, sslMode: 'verify-full' }, async (client) => {
      const { rows } = await client.query<{ user: string }>('SELECT current_user::text AS user');
      return rows[0]?.user ?? '';
    });
  };

  it('asks for one each time, and trusts authorities that are no file', async () => {
    let asked = 0;
    const token = (): Promise<string> => {
      asked += 1;
      return Promise.resolve('of this minute');
    };
    const others = [makeAuthority('Other').certificate, authority.certificate];
    await expect(connect(token, others)).resolves.toBe(cluster.user);
    await expect(connect(token, others)).resolves.toBe(cluster.user);
    expect(asked).toBe(2);
    await expect(connect(token, others.slice(0, 1))).rejects.toMatchObject({ code: 'tls-authority' });
  });

  it('says what a refused token takes', async () => {
    const { certificate } = authority;
    await expect(connect(() => Promise.resolve('old'), [certificate])).rejects.toMatchObject({
      code: 'login-refused',
      message: expect.stringContaining(`IAM token of role ${cluster.user}`) as string,
      remedy: expect.stringContaining('rds_iam') as string,
    });
    const failing = (): Promise<string> => Promise.reject(new Error('nobody signs'));
    await expect(connect(failing, [certificate])).rejects.toThrow(/nobody signs/);
  });
});
