import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { parse } from 'yaml';

import { Crypter } from '../engine/state/passphrase';
import { readPassphrase } from '../engine/state/passphraseFile';
import { databaseAddress } from '../infra/config/access';
import { withClient } from '../postgres/connection/client';
import type { ConnectionTarget } from '../postgres/spec';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import type { Stack } from './stack';

/**
 * Before Pulumi runs on a server that somebody else runs: what is wrong with its certificate or the administrator's password is said here,
 * once and with a remedy, not by each object in its provider's words. Everything else is left to the run.
 */
export async function requireVerifiedServer(context: CommandContext, stack: Stack): Promise<void> {
  const { environment, database } = stack.settings;
  const { caFile, ...address } = databaseAddress(database);
  if (environment !== 'dev' || (address.sslMode === undefined && database.adminPassword === undefined)) return;
  const password = await adminPassword(context, stack);
  const target: ConnectionTarget = { ...address, database: 'postgres', user: database.adminUser };
  if (caFile !== undefined) target.caFile = resolve(stack.workspace.root, caFile);
  if (password !== undefined) target.password = password;
  try {
    await withClient(target, () => Promise.resolve());
  } catch (error) {
    if (!(error instanceof PlatformError)) return;
    if (/^(tls-|ca-file$)/.test(error.code)) throw error;
    if (error.code !== 'password-refused') return;
    throw new PlatformError(
      error.code,
      error.message,
      "Set the one that it has there with `npm run pulumi -- config set --secret --path 'coach:database.adminPassword'`, which asks for it.",
      { object: database.adminUser, cause: error },
    );
  }
}

/** Undefined where it cannot be opened here: Pulumi says why, or has another secrets provider. */
async function adminPassword({ environment, root }: CommandContext, stack: Stack): Promise<string | undefined> {
  const file = parse(readFileSync(join(root, `Pulumi.${stack.name}.yaml`), 'utf8')) as Partial<SettingsFile>;
  const secret = file.config?.['coach:database']?.adminPassword?.secure;
  if (secret === undefined || file.encryptionsalt === undefined) return undefined;
  try {
    const { passphrase, source } = readPassphrase(environment, stack.workspace.passphraseFile);
    const crypter = await Crypter.open(passphrase, file.encryptionsalt, source);
    return crypter.decrypt(secret, 'coach:database.adminPassword');
  } catch {
    return undefined;
  }
}

/** As Pulumi writes it; the settings were read already. */
interface SettingsFile {
  encryptionsalt: string;
  config: { 'coach:database'?: { adminPassword?: { secure?: string } } };
}
