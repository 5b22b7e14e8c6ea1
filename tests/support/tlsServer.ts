import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';

import { type Authority, giveCertificate } from './certificates';
import { startCluster, type TestCluster } from './cluster';

/** Not loopback by its text, and this machine all the same: what the platform takes for somebody else's server. */
export const ANOTHER_MACHINE = '0.0.0.0';

/** A server that takes TLS alone, and `password` of the superuser, with a certificate for `ANOTHER_MACHINE`: whatever connects without is refused. */
export async function startTlsServer(binaries: string, authority: Authority, password: string): Promise<TestCluster> {
  const cluster = await startCluster(binaries, '', async (dataDirectory) => {
    await giveCertificate({ dataDirectory }, authority.issue([ANOTHER_MACHINE]));
    const rules = join(dataDirectory, 'pg_hba.conf');
    writeFileSync(rules, readFileSync(rules, 'utf8').replaceAll(/^host /gm, 'hostssl '));
    return 'ssl = on\n';
  });
  const { host, port, user, password: first } = cluster;
  const ssl = { ca: authority.certificate, checkServerIdentity: () => undefined };
  const client = new Client({ host, port, user, password: first, database: 'postgres', ssl });
  await client.connect();
  await client.query(`ALTER ROLE ${user} PASSWORD ${client.escapeLiteral(password)}`);
  await client.end();
  return cluster;
}
