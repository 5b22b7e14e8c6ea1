import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { chownSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

import { serverAccount, type TestCluster } from './cluster';

/** X.509 made with Node alone (RFC 5280 in DER), so that no machine needs openssl: P-256 keys, ECDSA with SHA-256. */
export interface Certificate {
  /** PEM. */
  certificate: string;
  key: string;
}

export interface Authority extends Certificate {
  /** A server's certificate for these host names and addresses, until `validDays` from now (less than 0: expired). */
  issue(hosts: readonly string[], validDays?: number): Certificate;
}

export function makeAuthority(name = 'Test authority'): Authority {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension('551d13', sequence(Buffer.from('0101ff', 'hex')), true);
  const own = certificate({ subject: name, issuer: name, key: privateKey, signedBy: privateKey, days: 30 }, [
    isAuthority,
  ]);
  return {
    ...own,
    issue: (hosts, validDays = 30) => {
      const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names = extension('551d11', sequence(...hosts.map(alternativeName)));
      return certificate({ subject: 'Test server', issuer: name, key, signedBy: privateKey, days: validDays }, [names]);
    },
  };
}

/** What a cluster's configuration needs for it; the files are the server's own. Written into the data directory before a reload or start. */
export async function giveCertificate(
  cluster: Pick<TestCluster, 'dataDirectory'>,
  { certificate: pem, key }: Certificate,
): Promise<void> {
  const account = await serverAccount();
  for (const [file, text] of [
    ['server.crt', pem],
    ['server.key', key],
  ] as const) {
    const path = join(cluster.dataDirectory, file);
    writeFileSync(path, text, { mode: 0o600 });
    if (account !== undefined) chownSync(path, account.uid, account.gid);
  }
}

interface Fields {
  subject: string;
  issuer: string;
  key: KeyObject;
  signedBy: KeyObject;
  days: number;
}

function certificate({ subject, issuer, key, signedBy, days }: Fields, extensions: Buffer[]): Certificate {
  const algorithm = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
  const day = 24 * 3_600_000;
  const body = sequence(
    der(0xa0, Buffer.from('020102', 'hex')),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    commonName(issuer),
    sequence(time(Date.now() + (Math.min(days, 0) - 1) * day), time(Date.now() + days * day)),
    commonName(subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign('sha256', body, signedBy)]));
  const text = sequence(body, algorithm, signature).toString('base64').replaceAll(/.{64}/g, '$&\n').trim();
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts));

const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(name)))));

const time = (ms: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));

const extension = (identifier: string, value: Buffer, critical = false): Buffer =>
  sequence(
    der(0x06, Buffer.from(identifier, 'hex')),
    ...(critical ? [Buffer.from('0101ff', 'hex')] : []),
    der(0x04, value),
  );

const alternativeName = (host: string): Buffer =>
  isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
