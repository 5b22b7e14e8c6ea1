import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

import { otherLocks } from '../../engine/state/lock';
import { readBackups } from '../../postgres/backup/folder';
import { type Noticed, noticesOf } from '../../postgres/backup/notices';
import { requireOwn } from '../../postgres/server/ownership';
import { PlatformError } from '../../system/errors';
import type { FunctionStatus } from '../aws/deploy';
import { backupDirectory } from '../backup/directory';
import { signingKey } from '../backup/signingKey';
import { type CommandContext, type CommandResult, done } from '../command';
import { type LocalServer, localServerOf } from '../localServer';
import { hasStateHere, pulumiProgram } from '../pulumi';
import { openStack, type Stack } from '../stack';
import { readState } from '../stackState';
import { stackHome } from '../workspace';
import type { CommandDefinition } from './definition';

export const status: CommandDefinition = {
  name: 'status',
  description: 'what runs, and where everything is kept',
  run: async (context): Promise<CommandResult> => {
    const stack = openStack(context);
    const state = await readState(context, stack);
    const engine = pulumiProgram(context);
    const server = state === undefined ? undefined : localServerOf(state, context.root);
    const fields = {
      deployed: state !== undefined,
      resources: state?.resources.filter(isDeclared).length ?? 0,
      server:
        server === undefined
          ? null
          : {
              status: server.status(),
              pid: server.pid() ?? null,
              host: server.host,
              port: server.port,
              version: server.version,
              account: server.runsAs,
              binaries: programsOf(server),
              dataDirectory: server.dataDirectory,
              logFile: server.logFile,
              freeBytes: freeBytes(server.dataDirectory),
              notice: noticeOf(server),
            },
      stateFile: state?.paths.checkpoint ?? null,
      stackHome: stackHome(stack.workspace, stack.name),
      passphraseFile: stack.workspace.passphraseFile,
      backups: backupsOf(stack),
      engine: engine ?? 'embedded',
      locked: state !== undefined && otherLocks(state.paths.lockDirectory, '').length > 0,
      pendingOperations: state?.pendingOperations.length ?? 0,
      function: stack.settings.environment === 'prod' ? await askedFunction(context, stack) : null,
    };
    const elsewhere = hasStateHere(context, stack) ? undefined : context.environment['PULUMI_BACKEND_URL'];
    return done(render(stack, fields, elsewhere), fields);
  },
};

const askedFunction = async (context: CommandContext, stack: Stack): Promise<FunctionStatus | null> =>
  (await import('../aws/deploy')).functionStatus(context, stack);

/** Without the default providers, which stand in the state though no program declares them: previews do not count them. */
function isDeclared({ type, urn }: { type: string; urn: string }): boolean {
  return !type.startsWith('pulumi:providers:') || !/::default(_[^:]*)?$/.test(urn);
}

interface Backups {
  directory: string;
  good: number;
  newest: { id: string; startedAt: string; bytes: number } | null;
  notices: Noticed[];
}

/** Null where they cannot be looked at: what keeps them from it is said by the commands about backups. */
function backupsOf(stack: Stack): Backups | null {
  const directory = backupDirectory(stack);
  try {
    const backups = readBackups(directory, signingKey(stack));
    const good = backups.filter(({ state }) => state === 'good');
    const newest = good.at(-1);
    return {
      directory,
      good: good.length,
      newest:
        newest === undefined ? null : { id: newest.id, startedAt: newest.startedAt.toISOString(), bytes: newest.bytes },
      notices: noticesOf(backups, new Date()),
    };
  } catch {
    return null;
  }
}

interface Fields {
  deployed: boolean;
  resources: number;
  server: Record<string, unknown> | null;
  stateFile: string | null;
  stackHome: string;
  passphraseFile: string;
  backups: Backups | null;
  engine: string;
  locked: boolean;
  function: FunctionStatus | null;
}

/** `elsewhere`: where the state is, if not below `.coachdb`. */
function render(stack: Stack, fields: Fields, elsewhere: string | undefined): string {
  const lines: [string, string][] = [['stack', `${stack.name} (${stack.settings.environment})`]];
  const { server } = fields;
  if (!fields.deployed && elsewhere !== undefined) lines.push(['state', `Pulumi’s, in ${elsewhere}`]);
  else if (!fields.deployed) lines.push(['state', 'never deployed: `npm start` brings it up']);
  else lines.push(['state', `${fields.resources} resources in ${String(fields.stateFile)}`]);
  if (server !== null) {
    const pid = typeof server['pid'] === 'number' ? `, process ${server['pid']}` : '';
    lines.push(['server', `${String(server['status'])}${pid}, PostgreSQL ${String(server['version'])}`]);
    lines.push(['address', `${String(server['host'])}:${String(server['port'])}`]);
    lines.push(['account', String(server['account'])]);
    lines.push(['programs', String(server['binaries'])]);
    lines.push(['data', String(server['dataDirectory'])]);
    if (typeof server['notice'] === 'string') lines.push(['notice', server['notice']]);
    lines.push(['log', String(server['logFile'])]);
    if (typeof server['freeBytes'] === 'number')
      lines.push(['disk', `${(server['freeBytes'] / 1e9).toFixed(1)} GB free`]);
  }
  if (fields.function !== null) lines.push(...functionLines(fields.function));
  lines.push(['folder', fields.stackHome]);
  const { backups } = fields;
  if (fields.deployed && backups !== null) {
    const { good, newest, notices } = backups;
    lines.push(['backups', newest === null ? 'none' : `${good} good, the newest ${newest.id}`]);
    for (const { message } of notices) lines.push(['', message]);
  }
  lines.push(['passphrase', fields.passphraseFile]);
  lines.push(['engine', fields.engine]);
  if (fields.locked) lines.push(['locked', 'another run works on this stack']);
  return lines.map(([name, value]) => `${name.padEnd(12)}${value}`).join('\n');
}

function functionLines({ problems, server, migrations }: FunctionStatus): [string, string][] {
  const lines: [string, string][] = [];
  if (server !== undefined) lines.push(['database', `${server.database}, PostgreSQL ${server.version}`]);
  if (migrations !== undefined) {
    const { applied, failed } = migrations;
    const newest = applied.at(-1);
    lines.push(['migrations', `${applied.length} applied${newest === undefined ? '' : `, the last ${newest.name}`}`]);
    if (failed.length > 0) lines.push(['', `failed: ${failed.join(', ')}`]);
  }
  if (problems.length === 0) lines.push(['function', 'reaches everything that it needs']);
  for (const { message, remedy } of problems) lines.push(['function', message], ['', remedy]);
  return lines;
}

/** That the folder is a copy, that its data is another one's or gone. */
function noticeOf(server: LocalServer): string | null {
  const problem = server.loss() ?? problemOf(() => requireOwn(server.owned));
  return problem === undefined ? null : `${problem.message} ${problem.remedy}`;
}

/** What would run it; what a running one is and writes can be told without them. */
function programsOf(server: LocalServer): string {
  const problem = problemOf(() => server.placed);
  return problem === undefined ? server.placed.process.binaries.directory : `none usable: ${problem.message}`;
}

function problemOf(work: () => unknown): PlatformError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
}

function freeBytes(path: string): number | null {
  const folder = existsSync(path) ? path : dirname(path);
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
