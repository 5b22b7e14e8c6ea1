import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { ConnectionTarget, Parameters } from '../spec';
import { canReach, ownerOf, serverAccount } from './account';
import { type Binaries, findBinaries, type InstallPlaces } from './binaries';
import type { ConfigurationOptions } from './configuration';
import { majorOf } from './dataDirectory';
import { type Layout, type LayoutQuery, LOCATION_FILE, recordedLayout, resolveLayout, SYSTEM_FOLDER } from './layout';
import { copiedBinaries } from './npmBinaries';
import { type OwnedDirectory, requireNotForeign } from './ownership';
import { clearRemains, type ServerProcess, stopServer } from './process';

/** A local server as it is declared. */
export interface ServerDeclaration {
  /** Absolute. */
  dataDirectory: string;
  logDirectory: string;
  /** The checkout; its node_modules may hold the npm binaries. */
  packageRoot: string;
  /** The stack's folder under its path of an older state. */
  formerHome?: string | undefined;
  /** `auto`, `installed`, `embedded`, or a folder. */
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
  /** @default SYSTEM_FOLDER */
  systemFolder?: string;
  places?: InstallPlaces;
}

/** A declared server with everything found out that running it takes. */
export interface PlacedServer {
  declaration: ServerDeclaration;
  process: ServerProcess;
  layout: Layout;
  layoutQuery: LayoutQuery;
  owned: OwnedDirectory;
  /** As they were found; `process.binaries` may be a copy that the account can reach. */
  binaries: Binaries;
}

/** Finds binaries, account and places; makes nothing. Throws what keeps the server from running here. */
export function placeServer(declaration: ServerDeclaration, surroundings: Surroundings): PlacedServer {
  const { dataDirectory, logDirectory, packageRoot } = declaration;
  const { pathVariable, places } = surroundings;
  const systemFolder = surroundings.systemFolder ?? SYSTEM_FOLDER;
  const known = recordedLayout(dataDirectory)?.dataDirectory ?? dataDirectory;
  const account = serverAccount({
    uid: surroundings.uid,
    sudoUid: surroundings.sudoUid,
    setting: declaration.account,
    dataOwnerUid: majorOf(known) === undefined ? undefined : ownerOf(known),
    root: packageRoot,
  });
  const layoutQuery = { dataDirectory, logDirectory, packageRoot, account, systemFolder };
  const layout = resolveLayout(layoutQuery);
  const binaries = findBinaries({
    choice: declaration.binaries,
    pathVariable,
    packageRoot,
    major: majorOf(layout.dataDirectory),
    ...(places === undefined ? {} : { places }),
  });
  const reachable = !account.switchUser || binaries.source !== 'npm' || canReach(account, binaries.directory);
  const server = {
    binaries: reachable ? binaries : { ...binaries, directory: copiedBinaries(systemFolder, binaries.version) },
    dataDirectory: layout.dataDirectory,
    logDirectory: layout.logDirectory,
    account,
    pathVariable,
  };
  return { declaration, layout, layoutQuery, owned: ownedBy(declaration, layout), binaries, process: server };
}

/** What the data directory is asked for: whose it is. The stack's folder is the one that holds its logs as declared. */
export function ownedBy(
  { logDirectory, packageRoot, formerHome }: Pick<ServerDeclaration, 'logDirectory' | 'packageRoot' | 'formerHome'>,
  { dataDirectory }: Pick<Layout, 'dataDirectory'>,
): OwnedDirectory {
  return { dataDirectory, home: dirname(logDirectory), packageRoot, formerHome };
}

/** Where and as whom the administrator logs in. */
export function adminTarget(declaration: ServerDeclaration): ConnectionTarget {
  const { host, port, adminUser, adminPassword } = declaration;
  return { host, port, database: 'postgres', user: adminUser, password: adminPassword };
}

export function configurationOf({ declaration, process: server }: PlacedServer): ConfigurationOptions {
  const { port, parameters } = declaration;
  const { dataDirectory, logDirectory, account } = server;
  return { port, parameters, dataDirectory, logDirectory, account };
}

/** Stops the server and removes its data and logs for good. Only for whoever was asked by name and agreed. */
export async function removeData(layout: Layout, declaredDataDirectory: string, owned: OwnedDirectory): Promise<void> {
  requireNotForeign(owned);
  await stopServer(layout);
  await clearRemains(layout.dataDirectory);
  // A server that was cut off in the middle of this must not start again with half of its data.
  rmSync(join(layout.dataDirectory, 'PG_VERSION'), { force: true });
  for (const folder of [layout.dataDirectory, layout.logDirectory]) rmSync(folder, { recursive: true, force: true });
  if (!layout.relocated) return;
  const home = dirname(layout.dataDirectory);
  // What somebody else put there stays.
  if (existsSync(home) && readdirSync(home).length === 0) rmdirSync(home);
  rmSync(join(dirname(declaredDataDirectory), LOCATION_FILE), { force: true });
}
