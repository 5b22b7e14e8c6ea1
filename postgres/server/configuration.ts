import { chownSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Parameters } from '../spec';
import { renderConf } from '../tuning/render';
import type { Account } from './account';

export interface ConfigurationOptions {
  dataDirectory: string;
  account: Account;
  port: number;
  parameters: Parameters;
}

/** What the platform decides, whatever the settings say: loopback only, no socket, and its own log lines. */
function ownParameters(port: number): Parameters {
  return {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    log_line_prefix: '%m [%p] %q%u@%d ',
  };
}

const HBA = `# Written by coachdb. Loopback only, scram-sha-256 for everybody.
host  all          all  127.0.0.1/32  scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
`;

/**
 * Writes postgresql.conf, pg_hba.conf and an empty postgresql.auto.conf (what ALTER SYSTEM said by hand is drift). Each file
 * appears whole. True when anything differs from before.
 */
export function writeConfiguration(options: ConfigurationOptions): boolean {
  const { dataDirectory, account, parameters, port } = options;
  const conf = `# Written by coachdb from the stack's settings; changes made here are overwritten.\n${renderConf({
    ...parameters,
    ...ownParameters(port),
  })}`;
  const files: [string, string][] = [
    ['postgresql.conf', conf.endsWith('\n') ? conf : `${conf}\n`],
    ['pg_hba.conf', HBA],
    ['postgresql.auto.conf', '# Written by coachdb: settings belong into the stack, not into ALTER SYSTEM.\n'],
  ];
  return files.map(([name, text]) => replaceFile(join(dataDirectory, name), text, account)).some((changed) => changed);
}

function replaceFile(path: string, text: string, account: Account): boolean {
  try {
    if (readFileSync(path, 'utf8') === text) return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  if (account.drop) chownSync(temporary, account.uid, account.gid);
  renameSync(temporary, path);
  return true;
}

/** Parameters that ALTER SYSTEM set by hand, as they stand in postgresql.auto.conf. */
export function alteredByHand(dataDirectory: string): string[] {
  try {
    const text = readFileSync(join(dataDirectory, 'postgresql.auto.conf'), 'utf8');
    return text.split('\n').flatMap((line) => /^\s*([\w.]+)\s*=/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}
