import type { ResourceState } from '../engine/state/resource';
import { Secret } from '../engine/state/values';
import { ownerOf, serverAccount } from '../postgres/server/account';
import { findBinaries } from '../postgres/server/binaries';
import { currentLogFile } from '../postgres/server/log';
import { type ServerProcess, serverState } from '../postgres/server/process';
import type { StackState } from './stackState';

export const SERVER_TYPE = 'pulumi-nodejs:dynamic/coach:Server';

/** The local server as the state knows it. */
export interface LocalServer {
  process: ServerProcess;
  dataDirectory: string;
  /** Folder of the server's programs, whether they are still there or not. */
  binariesDirectory: string;
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
}

/** From the state's outputs; undefined where no server was ever deployed. */
export function localServerOf(state: Pick<StackState, 'resources'>): LocalServer | undefined {
  const resource = state.resources.find(({ type }) => type === SERVER_TYPE);
  if (resource === undefined) return undefined;
  const dataDirectory = textOf(resource, 'actualDataDirectory');
  const logDirectory = textOf(resource, 'actualLogDirectory');
  const packageRoot = textOf(resource, 'packageRoot');
  const directory = textOf(resource, 'binariesDirectory');
  const account = textOf(resource, 'account');
  // Only when it is needed: what a server that runs is and writes can be told without its programs, should they be gone.
  const server = (): ServerProcess => ({
    binaries: findBinaries({ choice: directory, pathVariable: '', packageRoot }),
    dataDirectory,
    logDirectory,
    pathVariable: process.env['PATH'] ?? '',
    account: serverAccount({
      uid: process.getuid?.(),
      sudoUid: process.env['SUDO_UID'],
      setting: account === '' ? undefined : account,
      dataOwnerUid: ownerOf(dataDirectory),
      root: packageRoot,
    }),
  });
  const current = (): ReturnType<typeof serverState> => serverState(dataDirectory);
  return {
    get process() {
      return server();
    },
    dataDirectory,
    binariesDirectory: directory,
    declaredDataDirectory: textOf(resource, 'dataDirectory'),
    logFile: currentLogFile({ dataDirectory, logDirectory }),
    host: textOf(resource, 'host'),
    port: Number(resource.outputs['port']),
    version: textOf(resource, 'version'),
    runsAs: textOf(resource, 'runsAs'),
    status: () => ('pid' in current() ? 'running' : 'stopped'),
    pid: () => {
      const state = current();
      return 'pid' in state ? state.pid : undefined;
    },
  };
}

function textOf(resource: ResourceState, key: string): string {
  const value = resource.outputs[key];
  const plain = value instanceof Secret ? value.value : value;
  return typeof plain === 'string' ? plain : '';
}
