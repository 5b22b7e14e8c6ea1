import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { isLoopback, readAuthority } from '../../postgres/connection/tls';
import { SSL_MODES, type SslMode } from '../../postgres/spec';
import { isPlainObject, scalar, type Schema } from '../../postgres/spec/schema';
import type { DatabaseSettings, Settings } from './settings';

/** How `database` is reached, where it is a server that somebody else runs. */
export interface DatabaseAddress {
  host: string;
  port: number;
  /** Absent: without TLS, on loopback. */
  sslMode?: Exclude<SslMode, 'disable'>;
  /** As the settings have it. */
  caFile?: string;
}

export function databaseAddress(database: DatabaseSettings): DatabaseAddress {
  const { host = '127.0.0.1', port = 5432, caFile } = database;
  if (sslModeOf(database) === 'disable') return { host, port };
  return { host, port, sslMode: 'verify-full', ...(caFile === undefined ? {} : { caFile }) };
}

const sslModeOf = ({ host = '127.0.0.1', sslMode }: DatabaseSettings): SslMode =>
  sslMode ?? (isLoopback(host) ? 'disable' : 'verify-full');

/** Reads the authority's file once; a PlatformError names it where it is missing or holds no certificate. */
export function checkAuthority({ caFile }: DatabaseAddress, projectRoot: string): void {
  if (caFile !== undefined) readAuthority(resolve(projectRoot, caFile));
}

export const sslMode: Schema<SslMode> = scalar(
  `one of ${SSL_MODES.join(', ')} (require verifies nobody in particular, verify-ca not the host)`,
  (value) => SSL_MODES.find((mode) => mode === value),
  '`disable` (loopback alone), `verify-full`',
);

/** Takes an encrypted value alone, and says only that there is one. */
export const secret: Schema<true> = scalar('an encrypted value', (value) =>
  isPlainObject(value) && isDeepStrictEqual(Object.keys(value), ['secure']) && value['secure'] !== ''
    ? true
    : undefined,
);

/** The command that sets the password; it asks for it, so that no shell's history has it. */
export const setSecret = "`npm run pulumi -- config set --secret --path 'coach:database.adminPassword'`";

type Complain = (code: string, path: string, message: string, remedy: string) => void;

/** Only prod has a function to reach its database; another machine's server is reached over TLS that verifies it, with its own password. */
export function checkAccess({ environment, database }: Settings, complain: Complain): void {
  if (environment !== 'prod' && database.access === 'function') {
    complain(
      'setting-conflict',
      'database.access',
      `coach:database.access is function, which is prod’s alone: ${environment} has no function that would apply anything, so nothing would be.`,
      'Set coach:database.access to direct, or remove it.',
    );
  }
  if (environment !== 'dev') return;
  const { host = '127.0.0.1', caFile, adminPassword, adminUser } = database;
  const isRemote = !isLoopback(host);
  const said = database.sslMode === undefined ? '' : ` and coach:database.sslMode is ${database.sslMode}`;
  const server = `coach:database.host is ${host}${said}`;
  const authority = 'Set coach:database.caFile to the PEM file of the authority that signed the server’s certificate';
  if (sslModeOf(database) === 'disable' && isRemote) {
    complain(
      'tls-required',
      'database.sslMode',
      `${server}: passwords and data would cross the network for everybody on it to read.`,
      `Set coach:database.sslMode to verify-full. ${authority}.`,
    );
  } else if (sslModeOf(database) === 'disable' && caFile !== undefined) {
    complain(
      'setting-conflict',
      'database.caFile',
      `coach:database.caFile is set, but without TLS (${server}) it verifies nothing.`,
      'Set coach:database.sslMode to verify-full, or remove coach:database.caFile.',
    );
  } else if (sslModeOf(database) === 'verify-full' && caFile === undefined) {
    complain(
      'setting-missing',
      'database.caFile',
      `coach:database.caFile is missing: ${server}, so the server’s certificate is verified, by the authorities of that file alone.`,
      `${authority}; for one that every system knows, to the system’s own (Debian: /etc/ssl/certs/ca-certificates.crt).`,
    );
  }
  if (isRemote && adminPassword === undefined) {
    complain(
      'setting-missing',
      'database.adminPassword',
      `coach:database.adminPassword is missing: ${server}, and a generated password opens no server that runs already.`,
      `Set the password of ${adminUser} there with ${setSecret}, which asks for it.`,
    );
  }
}
