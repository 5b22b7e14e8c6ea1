import { realpathSync } from 'node:fs';
import { join } from 'node:path';

import { bringUp, inspect, passwordsOf } from '../../../postgres/server/bringUp';
import { alteredByHand, readConfiguration } from '../../../postgres/server/configuration';
import { readControlFile } from '../../../postgres/server/control';
import { activationOfInspection, type Inspection, runningProgram } from '../../../postgres/server/inspect';
import { recordedLayout } from '../../../postgres/server/layout';
import { requireKnown, requireRemovable } from '../../../postgres/server/lost';
import { requireRunnable } from '../../../postgres/server/ownership';
import { formerHome, pathForState, pathsHere } from '../../../postgres/server/paths';
import { stopServer } from '../../../postgres/server/process';
import { ownedBy, type PlacedServer, placeServer } from '../../../postgres/server/server';
import { isSameFolder, serverState } from '../../../postgres/server/state';
import { projectRoot } from '../../../system/projectRoot';
import { UNKNOWN_ON_WIRE } from '../../../system/unknown';
import type { CheckFailure, Handler } from '../handler';
import type { Activation, ServerInputs, ServerOutputs } from '../server';
import { failureOf, withRemedy } from './failure';
import { rememberPrograms } from './pending';
import { Recent } from './recent';
import { checkIdentity, checkInputs, checkMachine, checkParameters, warnOfNewerMajor } from './serverChecks';

/**
 * A PostgreSQL server process on this machine. Its data directory is never replaced, and deleting the resource stops the server and keeps
 * the data. What has to be done is found out by `check` from the server itself, so that drift shows without a refresh.
 */
const handlerIn = (root: () => string): Handler<ServerInputs, ServerOutputs> => ({
  async check(olds, news) {
    const invalid = checkInputs(news);
    if (invalid.length > 0) return { inputs: news, failures: invalid };
    const before = olds?.dataDirectory === undefined ? undefined : here(root(), olds);
    const failures: CheckFailure[] = checkIdentity(before, here(root(), news));
    let placed: PlacedServer | undefined;
    failures.push(...(await failureOf('', () => (placed = serverOf(root(), news, olds)))));
    failures.push(...checkParameters(news, placed?.binaries.major));
    if (placed !== undefined) failures.push(...(await checkMachine(placed, before)));
    if (failures.length > 0 || placed === undefined) return { inputs: news, failures };
    warnOfNewerMajor(placed.binaries);
    if (!('extension_control_path' in news.parameters)) rememberPrograms(news, placed.binaries);
    const activation = await activationOf(placed, olds, news);
    ofCheck.remember(inputsOf(news), activation);
    return { inputs: { ...news, activation }, failures };
  },

  async diff(_id, olds, news) {
    const known = ofCheck.take(inputsOf(news));
    const placed = serverOf(root(), news, olds);
    requireKnown({ ...placed.process, identity: olds.identity });
    const activation = known ?? (await activationOf(placed, olds, news));
    return { changes: activation !== 'none' || olds.adminPassword !== news.adminPassword };
  },

  async create(inputs) {
    const placed = serverOf(root(), inputs);
    await bringUp(placed);
    return { id: inputs.dataDirectory, outs: outputsOf(inputs, placed) };
  },

  async read(id, props) {
    const placed = serverOf(root(), props, props);
    requireRunnable(placed.owned);
    requireKnown({ ...placed.process, identity: props.identity });
    const found = await inspect(placed, passwordsOf(placed));
    const inputs = { ...forState(root(), props), parameters: actualParameters(placed, found) };
    // Older states name the resource after the absolute path of that time.
    const name = props.packageRoot === undefined ? id : inputs.dataDirectory;
    return { id: name, inputs, props: { ...outputsOf(inputs, placed), drift: driftOf(found) } };
  },

  async update(_id, olds, news) {
    const placed = serverOf(root(), news, olds);
    requireKnown({ ...placed.process, identity: olds.identity });
    const newPrograms = hasNewPrograms(placed, olds, news);
    await bringUp(placed, { formerPassword: olds.adminPassword, newPrograms });
    return { outs: outputsOf(news, placed) };
  },

  async delete(_id, props) {
    const paths = here(root(), props);
    const layout = recordedLayout(paths.dataDirectory) ?? paths;
    requireRemovable(
      { dataDirectory: layout.dataDirectory, identity: props.identity },
      ownedBy({ ...paths, formerHome: formerHome(props) }, layout),
    );
    await stopServer(layout);
  },
});

const ofCheck = new Recent<ServerInputs, Activation>();

/** For a folder other than the one this process runs in. */
export const serverIn = (root: () => string): Handler<ServerInputs, ServerOutputs> => withRemedy(handlerIn(root));

export const server = serverIn(() => projectRoot(process.cwd()));

/** The inputs with absolute paths, as they are now. */
function here<T extends Partial<ServerInputs>>(root: string, inputs: T): T & { packageRoot: string } {
  const { dataDirectory = '', logDirectory = '', packageRoot } = inputs;
  return { ...inputs, ...pathsHere(root, { dataDirectory, logDirectory, packageRoot }) };
}

/** `olds`: an older state may hold the path that this folder, or the one it was copied from, had then. */
function serverOf(root: string, inputs: ServerInputs, olds?: Partial<ServerInputs>): PlacedServer {
  return placeServer(
    { ...here(root, inputs), account: inputs.account, formerHome: formerHome(olds ?? {}) },
    { uid: process.getuid?.(), sudoUid: process.env['SUDO_UID'], pathVariable: process.env['PATH'] ?? '' },
  );
}

/** The strongest of what the differences need; a password is changed on the running server, whatever this says. */
async function activationOf(
  placed: PlacedServer,
  olds: Partial<ServerInputs> | undefined,
  news: ServerInputs,
): Promise<Activation> {
  const passwords = [news.adminPassword, olds?.adminPassword].filter(
    (password): password is string => typeof password === 'string' && password !== UNKNOWN_ON_WIRE,
  );
  const found = await inspect(placed, [...new Set(passwords)]);
  const activation = activationOfInspection(found, placed.binaries.major);
  return activation !== 'start' && hasNewPrograms(placed, olds, news) ? 'restart' : activation;
}

/** Other programs were chosen, or the folder was moved, and the running server does not know. */
function hasNewPrograms(placed: PlacedServer, olds: Partial<ServerInputs> | undefined, news: ServerInputs): boolean {
  const { dataDirectory, binaries } = placed.process;
  const state = serverState(dataDirectory);
  if (olds?.binaries === undefined || !('pid' in state)) return false;
  if (!isSameFolder(state.directory, dataDirectory)) return true;
  const runs = runningProgram(state);
  return (
    olds.binaries !== news.binaries && runs !== undefined && runs !== realpathSync(join(binaries.directory, 'postgres'))
  );
}

/** The declared parameters with the values the server has for those that differ. */
function actualParameters(placed: PlacedServer, { changed }: Inspection): ServerInputs['parameters'] {
  const { dataDirectory } = placed.process;
  const [file, altered] = [readConfiguration(dataDirectory), alteredByHand(dataDirectory)];
  return Object.fromEntries(
    Object.entries(placed.declaration.parameters).flatMap(([name, declared]) => {
      const key = name.toLowerCase();
      if (!changed.includes(key)) return [[name, declared]];
      const actual = altered.get(key) ?? file.get(key);
      return actual === undefined ? [] : [[name, actual]];
    }),
  );
}

function driftOf({ state, login, changed, files, stale, pending }: Inspection): string[] {
  const process = 'pid' in state ? [] : ['stopped'];
  const password = login === 'refused' ? ['password'] : [];
  const unread = stale ? ['configuration not read'] : [];
  return [...process, ...password, ...new Set([...changed, ...pending, ...files, ...unread])];
}

/** The declared inputs alone, without what the engine or `check` added. */
function inputsOf(from: ServerInputs): ServerInputs {
  const { dataDirectory, logDirectory, binaries, account } = from;
  const { host, port, adminUser, adminPassword, parameters } = from;
  return {
    dataDirectory,
    logDirectory,
    binaries,
    ...(account === undefined ? {} : { account }),
    host,
    port,
    adminUser,
    adminPassword,
    parameters,
  };
}

/** The declared inputs of a state, whose paths were absolute once. */
function forState(root: string, props: ServerInputs): ServerInputs {
  const { dataDirectory, logDirectory } = here(root, props);
  const paths = { dataDirectory: pathForState(root, dataDirectory), logDirectory: pathForState(root, logDirectory) };
  return { ...inputsOf(props), ...paths };
}

function outputsOf(inputs: ServerInputs, { process: server }: PlacedServer): ServerOutputs {
  const { dataDirectory, account, binaries } = server;
  return {
    ...inputsOf(inputs),
    major: binaries.major,
    version: binaries.version,
    identity: readControlFile(dataDirectory)?.identity ?? '',
    runsAs: account.name,
    drift: [],
  };
}
