import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';

import { codeOf, PlatformError } from '../../system/errors';
import type { ConnectionTarget } from '../spec';

/** A Unix socket, or an address that never leaves this machine. Names are not looked up: what a name server says can change. */
export function isLoopback(host: string): boolean {
  if (host.startsWith('/') || host.toLowerCase() === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** Refuses to talk to another machine without TLS. */
export function requireTls({ host, port, sslMode = 'disable' }: ConnectionTarget): void {
  if (sslMode !== 'disable' || isLoopback(host)) return;
  throw new PlatformError(
    'tls-required',
    `${host}:${port} is another machine and TLS is off: passwords and data would cross the network for everybody on it to read.`,
    'Set coach:database.sslMode to verify-full and coach:database.caFile to the file of the authority that signed the server’s certificate, ' +
      'then `npm run up`.',
    { kind: 'refused', object: `${host}:${port}` },
  );
}

/**
 * Everything is said outright: Node takes `rejectUnauthorized` from NODE_TLS_REJECT_UNAUTHORIZED otherwise, its authorities from
 * NODE_EXTRA_CA_CERTS, and `pg` gives it no host where that is an address, so that it would look for `localhost` in the certificate.
 */
export function tlsOptions(target: ConnectionTarget): false | ConnectionOptions {
  requireTls(target);
  const { host, sslMode = 'disable', caFile, authorities = [] } = target;
  if (sslMode === 'disable') return false;
  if (caFile === undefined && authorities.length === 0) {
    throw new PlatformError(
      'ca-file',
      `The connection to ${host}:${target.port} has sslMode verify-full and no authority to verify by.`,
      'Set coach:database.caFile to the file of the authority that signed the server’s certificate.',
      { kind: 'usage', object: host },
    );
  }
  return {
    rejectUnauthorized: true,
    ca: [...authorities, ...(caFile === undefined ? [] : readAuthority(caFile))],
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  };
}

/** The certificates of a PEM file, each of which has to be one: Node leaves out silently what it does not understand. */
export function readAuthority(path: string): string[] {
  const refuse = (why: string, cause?: unknown): PlatformError =>
    new PlatformError(
      'ca-file',
      `The certificate authority’s file ${path} ${why}; expected certificates in PEM (-----BEGIN CERTIFICATE-----).`,
      'Set coach:database.caFile to the file of the authority that signed the server’s certificate, and make it readable.',
      { kind: 'usage', object: path, cause },
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw refuse(`cannot be read (${codeOf(cause) ?? String(cause)})`, cause);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw refuse('holds no certificate');
  certificates.forEach((certificate, at) => {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw refuse(`holds something that is no certificate (number ${at + 1} in it)`, cause);
    }
  });
  return certificates;
}

/** Error codes of Node's TLS (OpenSSL's verification results). */
const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);
const EXPIRED = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** `pg` has no code for it. */
const NO_TLS = 'The server does not support SSL connections';

/** What went wrong with TLS itself; undefined: something else did. */
export function tlsError(target: ConnectionTarget, error: unknown): PlatformError | undefined {
  if (!(error instanceof Error)) return undefined;
  const where = `${target.host}:${target.port}`;
  const refused = (code: string, message: string, remedy: string): PlatformError =>
    new PlatformError(code, message, remedy, { object: where, cause: error });
  const code = codeOf(error) ?? '';
  if (error.message === NO_TLS) {
    return refused(
      'tls-unavailable',
      `The server at ${where} offers no TLS, and coach:database.sslMode asks for it.`,
      'Switch it on there (`ssl = on` with ssl_cert_file and ssl_key_file); without it only loopback is connected to (coach:database.sslMode disable).',
    );
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    return refused(
      'tls-authority',
      `The certificate of the server at ${where} is not signed by an authority of ${target.caFile ?? 'coach:database.caFile'} (${code}): somebody else may be answering there.`,
      'Ask whoever runs the server for its authority’s certificate and set coach:database.caFile to that file.',
    );
  }
  if (EXPIRED.has(code)) {
    return refused(
      'tls-expired',
      `The certificate of the server at ${where}, or of its authority, ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}.`,
      'Renew it on the server and reload it there, or set this machine’s clock; coach:database.caFile has to hold an authority that is valid.',
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { subjectaltname = 'no host at all' } = (error as Error & { cert?: { subjectaltname?: string } }).cert ?? {};
    return refused(
      'tls-host',
      `The certificate of the server at ${where} is for another host: ${subjectaltname.slice(0, 300).replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')}.`,
      'Set coach:database.host to a name that the certificate holds, or have it issued for this one; somebody else may be answering there.',
    );
  }
  return undefined;
}
