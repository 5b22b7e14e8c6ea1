import { codeOf, PlatformError } from '../../system/errors';
import { withClient } from '../connection/client';
import type { ConnectionTarget } from '../spec';
import { readByPostgres, refusedParameters } from './candidate';
import {
  CONFIGURATION_FILE,
  effectiveParameters,
  parseConfiguration,
  readConfiguration,
  renderConfiguration,
  withCandidate,
  writeFiles,
} from './configuration';
import { secureDataDirectory } from './dataDirectory';
import { ensureDataDirectory } from './initialize';
import { activationOfInspection, type Inspection, inspectServer, type ServerActivation } from './inspect';
import { prepareLayout } from './layout';
import { copyNpmBinaries } from './npmBinaries';
import { claim, requireOwn, requireRunnable } from './ownership';
import { changeAdminPassword, resetAdminPassword, tryLogin } from './password';
import { requireFreePort } from './port';
import { type ServerProcess, startServer, stopServer } from './process';
import { adminTarget, configurationOf, type PlacedServer } from './server';
import { configurationRefused, diskFull } from './startFailure';
import { type ServerState, serverState } from './state';

export interface BringUpOptions {
  /** The administrator's password so far, where another one is declared now. */
  formerPassword?: string;
  /** Other programs are declared: a running server is restarted with them. */
  newPrograms?: boolean;
  onStep?: (step: string) => void;
}

/**
 * Brings the server to its declaration from whatever state it is in: made, configured, running on its port, its administrator with the
 * declared password. Repeating it changes nothing. A running server keeps running when PostgreSQL refuses what is new.
 */
export async function bringUp(placed: PlacedServer, options: BringUpOptions = {}): Promise<void> {
  try {
    await bringUpFrom(await stateWithPort(placed), placed, options);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
    throw diskFull(placed.process.dataDirectory, (error as Error).message);
  }
}

/** The server's state; one that does not run finds its port free. */
async function stateWithPort({
  process: { dataDirectory },
  declaration: { port },
}: PlacedServer): Promise<ServerState> {
  const state = serverState(dataDirectory);
  if (state.status !== 'absent' && state.status !== 'stopped') return state;
  try {
    await requireFreePort(port);
    return state;
  } catch (error) {
    // Of two at once the other may have started it since.
    const since = serverState(dataDirectory);
    if ('pid' in since && since.port === port) return since;
    throw error;
  }
}

async function bringUpFrom(state: ServerState, placed: PlacedServer, options: BringUpOptions): Promise<void> {
  const { process: server, declaration } = placed;
  requireRunnable(placed.owned);
  prepare(placed);
  const { adminUser, adminPassword } = declaration;
  const made = await ensureDataDirectory({ ...server, adminUser, adminPassword, ...stepsOf(options) });
  claim(server.dataDirectory, placed.owned.home);
  if ('pid' in state && state.status !== 'stopping') {
    await applyToRunning(placed, options);
    return;
  }
  secureDataDirectory(server.dataDirectory);
  writeFiles(server.dataDirectory, renderConfiguration(configurationOf(placed)));
  await startServer(server);
  options.onStep?.('started');
  if (!made) await ensurePassword(placed, options.formerPassword);
}

/** Starts a stopped server as it was configured; only what the folder's place decides is written anew. */
export async function startAgain(placed: PlacedServer): Promise<void> {
  const { process: server } = placed;
  requireOwn(placed.owned);
  const files = renderConfiguration(configurationOf(placed));
  const directory = (conf: Map<string, string>): string | undefined => conf.get('log_directory');
  const isMoved =
    directory(readConfiguration(server.dataDirectory)) !==
    directory(parseConfiguration(files[CONFIGURATION_FILE] ?? ''));
  if (isMoved) {
    prepare(placed);
    writeFiles(server.dataDirectory, files);
  }
  claim(server.dataDirectory, placed.owned.home);
  await startServer(server);
}

const stepsOf = ({ onStep }: BringUpOptions): Pick<BringUpOptions, 'onStep'> =>
  onStep === undefined ? {} : { onStep };

function prepare({ layout, layoutQuery, binaries, process: server }: PlacedServer): void {
  prepareLayout(layout, layoutQuery);
  if (server.binaries.directory === binaries.directory) return;
  copyNpmBinaries(binaries.directory, layoutQuery.systemFolder, binaries.version);
}

/** Passwords to try, the declared one first. */
export function passwordsOf(placed: PlacedServer, formerPassword?: string): string[] {
  const { adminPassword } = placed.declaration;
  return formerPassword === undefined || formerPassword === adminPassword
    ? [adminPassword]
    : [adminPassword, formerPassword];
}

export function inspect(placed: PlacedServer, passwords: readonly string[]): Promise<Inspection> {
  return inspectServer(placed.process, configurationOf(placed), adminTarget(placed.declaration), passwords);
}

async function applyToRunning(placed: PlacedServer, options: BringUpOptions): Promise<void> {
  const { process: server, declaration } = placed;
  // It may still be recovering from a crash.
  await startServer(server);
  const passwords = passwordsOf(placed, options.formerPassword);
  const found = await inspect(placed, passwords);
  if (found.state.status !== 'running') throw changedMeanwhile(server);
  const { port } = found.state;
  const activation = options.newPrograms === true ? 'restart' : activationOfInspection(found, server.binaries.major);
  if (activation !== 'none') {
    if (port !== declaration.port) await requireFreePort(declaration.port);
    const current = typeof found.login === 'number' ? passwords[found.login] : undefined;
    const target = current === undefined ? undefined : { ...adminTarget(declaration), port, password: current };
    await configureRunning(placed, found, activation, target);
  }
  if (found.login !== 0) await ensurePassword(placed, options.formerPassword);
}

/** `target`: how to log in now; undefined where nobody can, and only a restart makes sure of anything. */
async function configureRunning(
  placed: PlacedServer,
  found: Inspection,
  activation: ServerActivation,
  target: ConnectionTarget | undefined,
): Promise<void> {
  const { process: server } = placed;
  const files = renderConfiguration(configurationOf(placed));
  if (found.changed.length > 0) await requireAccepted(placed, files[CONFIGURATION_FILE] ?? '');
  const before = writeFiles(server.dataDirectory, files);
  if (activation === 'reload' && target !== undefined && (await reloadAndWait(target)).length === 0) return;
  await restartOrBringBack(server, before);
}

/** Nothing is touched when PostgreSQL would refuse the new file. */
async function requireAccepted(placed: PlacedServer, text: string): Promise<void> {
  const { dataDirectory, account } = placed.process;
  const { code, output } = await withCandidate(dataDirectory, account, text, (path) =>
    readByPostgres(placed.process, path),
  );
  if (code === 0) return;
  const names = await refusedParameters(placed.process, effectiveParameters(configurationOf(placed)));
  throw configurationRefused(names, output);
}

const RELOAD_TIMEOUT_MS = 5000;

/** Has the running server read its files, waits until this session has too, and gives the names that wait for a restart. */
async function reloadAndWait(target: ConnectionTarget): Promise<string[]> {
  return withClient(target, async (client) => {
    const loaded = async (): Promise<string> =>
      (await client.query<{ at: string }>('SELECT pg_catalog.pg_conf_load_time()::text AS at')).rows[0]?.at ?? '';
    const before = await loaded();
    await client.query('SELECT pg_catalog.pg_reload_conf()');
    const deadline = Date.now() + RELOAD_TIMEOUT_MS;
    while ((await loaded()) === before) {
      if (Date.now() > deadline) throw notReloaded(target);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM pg_catalog.pg_settings WHERE pending_restart',
    );
    return rows.map(({ name }) => name);
  });
}

/** What only shows at the start (memory, libraries) must not leave the stack without a server. */
async function restartOrBringBack(server: ServerProcess, before: Record<string, string>): Promise<void> {
  await stopServer(server);
  try {
    await startServer(server);
  } catch (error) {
    writeFiles(server.dataDirectory, before);
    try {
      await startServer(server);
    } catch {
      throw error;
    }
    if (!(error instanceof PlatformError)) throw error;
    const message = `${error.message}\nThe server runs on with the configuration it had.`;
    const { code, remedy, kind, object } = error;
    throw new PlatformError(code, message, remedy, { kind, cause: error, ...(object === undefined ? {} : { object }) });
  }
}

/** Logs in; sets the declared password over the former one, or over one nobody knows. */
async function ensurePassword(placed: PlacedServer, formerPassword: string | undefined): Promise<void> {
  const { process: server, declaration } = placed;
  const target = adminTarget(declaration);
  const login = await tryLogin(target);
  if (login !== 'refused') return;
  if (formerPassword !== undefined && (await tryLogin({ ...target, password: formerPassword })) === 'ok') {
    await changeAdminPassword({ ...target, password: formerPassword }, declaration.adminPassword);
    return;
  }
  await stopServer(server);
  await resetAdminPassword(server, declaration.adminUser, declaration.adminPassword);
  await startServer(server);
  if ((await tryLogin(target)) !== 'refused') return;
  throw new PlatformError(
    'admin-role-missing',
    `The server in ${server.dataDirectory} has no role ${declaration.adminUser}, or lets it not log in.`,
    'Set coach:database.adminUser to the superuser the data directory was made with.',
    { kind: 'usage', object: declaration.adminUser },
  );
}

function changedMeanwhile({ dataDirectory }: ServerProcess): PlatformError {
  return new PlatformError(
    'server-busy',
    `The server in ${dataDirectory} was stopped by somebody else just now.`,
    'Run the command again.',
    { kind: 'locked', object: dataDirectory },
  );
}

function notReloaded({ host, port }: ConnectionTarget): PlatformError {
  return new PlatformError(
    'server-not-reloaded',
    `PostgreSQL at ${host}:${port} has not read its configuration after ${RELOAD_TIMEOUT_MS / 1000} s.`,
    'Look at its log (`npm run coachdb -- logs`) and run the command again.',
  );
}
