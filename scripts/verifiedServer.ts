import { resolve } from 'node:path';

import { databaseAddress } from '../infra/config/access';
import { withClient } from '../postgres/connection/client';
import { PlatformError } from '../postgres/errors';
import type { Stack } from './stack';

/**
 * Before Pulumi runs on a server that somebody else runs: what is wrong with its certificate is said here, once and with a remedy, not by
 * each object in its provider's words. No password is sent; everything but TLS is left to the run.
 */
export async function requireVerifiedServer({ settings, workspace }: Stack): Promise<void> {
  if (settings.environment !== 'dev') return;
  const { caFile, ...address } = databaseAddress(settings.database);
  if (address.sslMode === undefined || caFile === undefined) return;
  const login = { database: 'postgres', user: settings.database.adminUser };
  try {
    await withClient({ ...address, ...login, caFile: resolve(workspace.root, caFile) }, () => Promise.resolve());
  } catch (error) {
    if (error instanceof PlatformError && /^(tls-|ca-file$)/.test(error.code)) throw error;
  }
}
