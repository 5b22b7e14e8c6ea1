import type { ResourceState } from '../engine/state/resource';
import { Secret } from '../engine/state/values';
import { serverAccount } from '../postgres/server/account';
import { findBinaries } from '../postgres/server/binaries';
import { type ServerProcess, serverState } from '../postgres/server/process';
import type { StackState } from './stackState';

export const SERVER_TYPE = 'pulumi-nodejs:dynamic/coach:Server';

/** The local server as the state knows it. */
export interface LocalServer {
  process: ServerProcess;
  dataDirectory: string;
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
  const logFile = textOf(resource, 'logFile');
  const packageRoot = textOf(resource, 'packageRoot');
  const directory = textOf(resource, 'binariesDirectory');
  const account = textOf(resource, 'account');
  const server: ServerProcess = {
    binaries: findBinaries({ choice: directory, pathVariable: '', packageRoot }),
    dataDirectory,
    logFile,
    account: serverAccount({
      uid: process.getuid?.(),
      sudoUid: process.env['SUDO_UID'],
      setting: account === '' ? undefined : account,
      root: packageRoot,
    }),
  };
  const current = (): ReturnType<typeof serverState> => serverState(dataDirectory);
  return {
    process: server,
    dataDirectory,
    logFile,
    host: textOf(resource, 'host'),
    port: Number(resource.outputs['port']),
    version: textOf(resource, 'version'),
    runsAs: textOf(resource, 'runsAs'),
    status: () => current().status,
    pid: () => {
      const state = current();
      return state.status === 'running' ? state.pid : undefined;
    },
  };
}

function textOf(resource: ResourceState, key: string): string {
  const value = resource.outputs[key];
  const plain = value instanceof Secret ? value.value : value;
  return typeof plain === 'string' ? plain : '';
}
