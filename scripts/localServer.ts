import { unwrap } from '../engine/protocol/wire';
import { backendPaths } from '../engine/state/backend';
import { readForPulumi } from '../engine/state/checkpoint';
import type { ResourceState } from '../engine/state/resource';
import type { PropertyMap } from '../engine/state/values';
import { leftBehind } from '../postgres/connection/client';
import { startAgain } from '../postgres/server/bringUp';
import { type Layout, recordedLayout } from '../postgres/server/layout';
import { currentLogFile } from '../postgres/server/log';
import { type KnownServer, lossOf } from '../postgres/server/lost';
import { type OwnedDirectory, requireOwn } from '../postgres/server/ownership';
import { formerHome, pathsHere } from '../postgres/server/paths';
import { serverState, stopServer } from '../postgres/server/process';
import { ownedBy, type PlacedServer, placeServer } from '../postgres/server/server';
import { isLeftBehind } from '../postgres/server/state';
import type { Parameters } from '../postgres/spec';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import type { Stack } from './stack';

export const SERVER_TYPE = 'pulumi-nodejs:dynamic/coach:Server';

/** The local server as the state knows it, in the folder that is there now. */
export interface LocalServer {
  /** Everything that running it takes. Throws where its programs are gone; what it is and writes can be told without them. */
  readonly placed: PlacedServer;
  layout: Layout;
  owned: OwnedDirectory;
  dataDirectory: string;
  /** As the settings have it; the data lies elsewhere where the server's account cannot enter the checkout. */
  declaredDataDirectory: string;
  /** The file it writes now; a new one begins every day. */
  logFile: string;
  host: string;
  port: number;
  version: string;
  runsAs: string;
  status(): 'running' | 'stopped';
  pid(): number | undefined;
  /** Whether this very server, and nobody else, accepts connections on that port. @default the port of the state */
  answers(port?: number): boolean;
  known: KnownServer;
  /** It runs from where its folder was before: whoever is to read anything from it has it restarted first. */
  isLeftBehind(): boolean;
  /** Why the server that the state knows is not there any more. */
  loss(): PlatformError | undefined;
}

type StoredServer = Pick<ResourceState, 'type' | 'outputs'>;

/** From the state; undefined where no server was ever deployed. `root`: the folder of Pulumi.yaml. */
export function localServerOf(state: { resources: readonly StoredServer[] }, root: string): LocalServer | undefined {
  const resource = state.resources.find(({ type }) => type === SERVER_TYPE);
  if (resource === undefined) return undefined;
  const text = (key: string): string | undefined => textOf(resource, key);
  const stored = {
    dataDirectory: text('dataDirectory') ?? '',
    logDirectory: text('logDirectory') ?? '',
    packageRoot: text('packageRoot'),
  };
  const paths = { ...pathsHere(root, stored), formerHome: formerHome(stored) };
  const layout = recordedLayout(paths.dataDirectory) ?? { ...paths, relocated: false };
  const { dataDirectory } = layout;
  const [host, port] = [text('host') ?? '', Number(resource.outputs['port'])];
  const known = { dataDirectory, identity: text('identity') };
  const current = (): ReturnType<typeof serverState> => serverState(dataDirectory);
  return {
    get placed() {
      const declaration = {
        ...paths,
        binaries: text('binaries') ?? 'auto',
        account: text('account'),
        host,
        port,
        adminUser: text('adminUser') ?? '',
        adminPassword: text('adminPassword') ?? '',
        parameters: (unwrap(resource.outputs)['parameters'] ?? {}) as Parameters,
      };
      return placeServer(declaration, {
        uid: process.getuid?.(),
        sudoUid: process.env['SUDO_UID'],
        pathVariable: process.env['PATH'] ?? '',
      });
    },
    layout,
    owned: ownedBy(paths, layout),
    dataDirectory,
    declaredDataDirectory: paths.dataDirectory,
    logFile: currentLogFile(layout),
    host,
    port,
    version: text('version') ?? '',
    runsAs: text('runsAs') ?? '',
    status: () => ('pid' in current() ? 'running' : 'stopped'),
    pid: () => {
      const state = current();
      return 'pid' in state ? state.pid : undefined;
    },
    answers: (on = port) => {
      const state = current();
      return state.status === 'running' && state.port === on;
    },
    known,
    isLeftBehind: () => isLeftBehind(dataDirectory),
    loss: () => lossOf(known),
  };
}

/** The same without a passphrase, since nothing of it is secret but the password, which is missing then. */
export function storedServer({ workspace, project, name }: Stack): LocalServer | undefined {
  const { checkpoint } = backendPaths(workspace.stateDirectory, project, name);
  const stored = readForPulumi(checkpoint)?.checkpoint.latest?.resources ?? [];
  const resources = stored.map(({ type, outputs }) => ({
    type: String(type),
    outputs: (outputs ?? {}) as PropertyMap,
  }));
  return localServerOf({ resources }, workspace.root);
}

/** Throws unless the server of the state is this folder's own and there; whether it runs is another question. */
export function requireServer(server: LocalServer): void {
  const loss = server.loss();
  if (loss !== undefined) throw loss;
  requireOwn(server.owned);
}

/** Throws unless this very server answers on the port of the state: nobody else is sent a password. */
export function requireRunning(server: LocalServer): void {
  requireServer(server);
  if (server.isLeftBehind()) throw leftBehind(`${server.host}:${server.port}`, 'its programs are gone.');
  if (server.answers()) return;
  throw new PlatformError(
    'server-stopped',
    server.status() === 'stopped'
      ? `The server in ${server.dataDirectory} is stopped; whatever may answer on ${server.host}:${server.port} is another one.`
      : `The server in ${server.dataDirectory} is not ready on ${server.host}:${server.port}.`,
    'Start it with `npm start`; `npm run coachdb -- logs` shows what it says.',
    { object: server.dataDirectory },
  );
}

/**
 * So that its objects can be read, the server is started where it was stopped, and restarted where its folder was moved. Throws unless it is this
 * very one that answers then: whoever reads asks the port with a password.
 */
export async function startForReading(context: Pick<CommandContext, 'progress'>, server: LocalServer): Promise<void> {
  requireServer(server);
  if (server.isLeftBehind()) {
    context.progress('The server’s folder was moved while it ran; restarting it.');
    await stopServer(server.layout);
    await startAgain(server.placed);
  } else if (server.status() === 'stopped') {
    context.progress('The server was stopped; starting it.');
    await startAgain(server.placed);
  }
  requireRunning(server);
}

function textOf(resource: StoredServer, key: string): string | undefined {
  const value = unwrap(resource.outputs)[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
