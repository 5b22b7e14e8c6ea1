import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { withClient } from '../connection/client';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { PlatformError } from '../errors';
import { scramVerifier } from '../roles/scram';
import type { ConnectionTarget, Parameters } from '../spec';
import { serverAccount } from './account';
import { type Binaries, findBinaries } from './binaries';
import { alteredByHand, writeConfiguration } from './configuration';
import { ensureDataDirectory } from './initialize';
import { type Layout, prepareLayout, resolveLayout } from './layout';
import { isFree, portTaken } from './port';
import { reloadServer, type ServerProcess, serverState, startServer, stopServer } from './process';

/** A local server as it is declared. */
export interface ServerDeclaration {
  dataDirectory: string;
  logDirectory: string;
  packageRoot: string;
  binaries: string;
  account?: string | undefined;
  host: string;
  port: number;
  adminUser: string;
  adminPassword: string;
  parameters: Parameters;
}

/** What of the process's surroundings decides where and as whom the server runs. */
export interface Surroundings {
  uid: number | undefined;
  sudoUid: string | undefined;
  pathVariable: string;
}

/** A declared server with everything found out that running it takes. */
export interface PlacedServer {
  declaration: ServerDeclaration;
  process: ServerProcess;
  layout: Layout;
  binaries: Binaries;
}

export function placeServer(declaration: ServerDeclaration, surroundings: Surroundings): PlacedServer {
  const { dataDirectory, logDirectory, packageRoot } = declaration;
  const binaries = findBinaries({ choice: declaration.binaries, pathVariable: surroundings.pathVariable, packageRoot });
  const account = serverAccount({
    uid: surroundings.uid,
    sudoUid: surroundings.sudoUid,
    setting: declaration.account,
    root: packageRoot,
  });
  const layout = resolveLayout({ dataDirectory, logDirectory, binaries }, account);
  const server = {
    binaries,
    dataDirectory: layout.dataDirectory,
    logFile: join(layout.logDirectory, 'postgresql.log'),
    account,
  };
  return { declaration, layout, binaries, process: server };
}

export function adminTarget(declaration: ServerDeclaration): ConnectionTarget {
  const { host, port, adminUser, adminPassword } = declaration;
  return { host, port, database: 'postgres', user: adminUser, password: adminPassword };
}

/** Brings the server to its declaration from whatever state it is in: initialised, configured, running on its port. Idempotent. */
export async function bringUp(placed: PlacedServer): Promise<void> {
  const { declaration } = placed;
  const layout = prepareLayout(placed.layout, placed.process.account);
  const server = { ...placed.process, binaries: layout.binaries };
  await ensureDataDirectory({
    binaries: layout.binaries,
    dataDirectory: server.dataDirectory,
    account: server.account,
    adminUser: declaration.adminUser,
    adminPassword: declaration.adminPassword,
  });
  writeConfiguration({ ...declaration, dataDirectory: server.dataDirectory, account: server.account });
  const state = serverState(server.dataDirectory);
  if (state.status === 'running' && state.port !== declaration.port) await stopServer(server);
  if (serverState(server.dataDirectory).status === 'stopped') {
    if (!(await isFree(declaration.port))) throw portTaken(declaration.port);
    await startServer(server);
    return;
  }
  await reloadServer(server);
  if (await restartIsPending(declaration)) {
    await stopServer(server);
    await startServer(server);
  }
}

/** After the reload has reached the connection's backend: does a parameter still wait for a restart? */
async function restartIsPending(declaration: ServerDeclaration): Promise<boolean> {
  return withClient(adminTarget(declaration), async (client) => {
    const { rows } = await client.query<{ pending: boolean }>(
      'SELECT coalesce(bool_or(pending_restart), false) AS pending FROM pg_catalog.pg_settings',
    );
    return rows[0]?.pending === true;
  });
}

/** Sets the administrator's password on the running server, logging in with the one it has now. */
export async function changeAdminPassword(declaration: ServerDeclaration, current: string): Promise<void> {
  const verifier = await scramVerifier(declaration.adminPassword);
  await withClient({ ...adminTarget(declaration), password: current }, async (client) => {
    await client.query(`ALTER ROLE ${quoteIdentifier(declaration.adminUser)} PASSWORD ${quoteLiteral(verifier)}`);
  });
}

/** Contexts of parameters (`postmaster`, `sighup`, ...) as the running server knows them; undefined when it cannot be asked. */
export async function parameterContexts(declaration: ServerDeclaration): Promise<Map<string, string> | undefined> {
  try {
    return await withClient(adminTarget(declaration), async (client) => {
      const { rows } = await client.query<{ name: string; context: string }>(
        'SELECT name, context FROM pg_catalog.pg_settings',
      );
      return new Map(rows.map(({ name, context }) => [name, context]));
    });
  } catch (error) {
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}

export type ServerDrift = 'missing' | 'stopped' | 'altered';

/** What differs from the declaration, and the parameters that ALTER SYSTEM set by hand. Cheap: no connection, no process. */
export function serverDrift(placed: PlacedServer): { drift: ServerDrift | undefined; altered: string[] } {
  const { dataDirectory } = placed.process;
  if (!existsSync(join(dataDirectory, 'PG_VERSION'))) return { drift: 'missing', altered: [] };
  const altered = alteredByHand(dataDirectory);
  if (serverState(dataDirectory).status === 'stopped') return { drift: 'stopped', altered };
  return { drift: altered.length > 0 ? 'altered' : undefined, altered };
}
