import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import * as pulumi from '@pulumi/pulumi';

import { forStack } from '../postgres/commands';
import { dev } from '../stacks/dev';
import { local } from '../stacks/local';
import { projectRoot } from '../system/projectRoot';
import { errorText, PlatformError } from './config/failure';
import type { Machine } from './config/parameters';
import { parseSettings } from './config/parse';
import { prodSettings, type Settings } from './config/settings';
import { requireSettledState } from './config/settledState';
import { PROJECT, readStackFile } from './config/stackFile';

/** What `pulumi up` runs, and the embedded engine too: settings in, stack chosen, outputs out. */
export = async function run(): Promise<Record<string, unknown>> {
  try {
    return await declare();
  } catch (error) {
    return await failed(error);
  }
};

/** Exit code by which the SDK tells an engine that the program's error was logged. */
const ALREADY_LOGGED = 32;

/** Ends here instead of throwing: the SDK would store no outputs at all for a program that threw, and the stack would lose those it has. */
async function failed(error: unknown): Promise<never> {
  if (error instanceof PlatformError) await pulumi.log.error(errorText(error));
  else if (pulumi.RunError.isInstance(error)) await pulumi.log.error(error.message);
  else
    await pulumi.log.error(
      `The program failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  process.exit(ALREADY_LOGGED);
}

async function declare(): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  const machine = machineHere();
  const root = projectRoot(__dirname);
  const settings = readSettings(stack, machine, root);
  // The command line names the backend, and has settled the state.
  if (!pulumi.runtime.isDryRun() && process.env['PULUMI_BACKEND_URL'] === undefined) requireSettledState(root, stack);
  switch (settings.environment) {
    case 'local':
      return local(settings, { projectRoot: root, machine, port: localPort(settings, root) });
    case 'dev':
      return dev(settings, { projectRoot: root, machine, isOffline: isOffline() });
    case 'prod':
      // Loaded here: no other stack should wait for what AWS needs.
      return (await import('../stacks/prod')).prod(prodSettings(settings), { projectRoot: root, machine });
  }
}

function readSettings(stack: string, machine: Machine, root: string): Settings {
  // Pulumi hands a secret over in plain text and says which keys hold one.
  const secrets = JSON.parse(process.env['PULUMI_CONFIG_SECRET_KEYS'] ?? '[]') as string[];
  const raw: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(`${PROJECT}:`))
      raw[key.slice(PROJECT.length + 1)] = secrets.includes(key) ? hidden(value) : value;
  }
  const { settings, problems } = parseSettings(raw, stack, { machine });
  if (settings !== undefined) {
    requireCommitted(settings, stack, machine, root);
    return settings;
  }
  const list = problems.map(({ message, remedy }) => `- ${message} ${remedy}`).join('\n');
  throw new pulumi.RunError(
    forStack(`The settings of stack ${stack} have ${problems.length} problem(s):\n${list}`, stack),
  );
}

/** As the settings file has it: the parser is told that there is a password, never which. */
function hidden(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value, (key, inner: unknown) =>
      key === 'adminPassword' && inner !== null ? { secure: inner === '' ? '' : 'set' } : inner,
    ) as unknown;
  } catch {
    return value;
  }
}

/** An offline command counts with a port and a machine of its own, reads nothing of this one and changes nothing. */
function isOffline(): boolean {
  return process.env['COACHDB_MACHINE'] !== undefined;
}

/** An offline command stands no machine in particular: it says which one to count with. */
function machineHere(): Machine {
  const [memoryBytes, processors] = (process.env['COACHDB_MACHINE'] ?? '').split(',').map(Number);
  if (memoryBytes !== undefined && processors !== undefined) return { memoryBytes, cpus: processors };
  return { memoryBytes: totalmem(), cpus: cpus().length };
}

/** A copy given with --config-file that is missing or old would declare other things, or nothing of them, and so delete. */
function requireCommitted(settings: Settings, stack: string, machine: Machine, root: string): void {
  const path = join(root, `Pulumi.${stack}.yaml`);
  if (isOffline() || !existsSync(path)) return;
  const { raw } = readStackFile(readFileSync(path, 'utf8'), path);
  const { settings: committed, problems } = parseSettings(raw, stack, { machine });
  // Beside another encrypted value Pulumi calls all of that key a secret.
  const plain = problems.find(({ code }) => code === 'setting-plain');
  if (plain !== undefined)
    throw new PlatformError(plain.code, plain.message, forStack(plain.remedy, stack), { kind: 'usage', object: path });
  // Encrypted values do not parse; nothing can be said of those.
  if (committed === undefined || isDeepStrictEqual(committed, settings)) return;
  const keys = Object.keys(committed) as (keyof Settings)[];
  const others = keys.filter((key) => !isDeepStrictEqual(committed[key], settings[key]));
  throw new PlatformError(
    'settings-not-committed',
    `Pulumi was given other settings than ${path} holds: ${others.map((key) => `${PROJECT}:${key}`).join(', ')}.`,
    'Run `npm run pulumi -- up`, which gives it those, or leave --config-file and --config away.',
    { kind: 'usage', object: path },
  );
}

/** The port has to be known before the server runs: the settings', else the one that was chosen for this folder and stored. */
function localPort(settings: Settings, root: string): number {
  if (settings.server.port !== 'auto') return settings.server.port;
  const path = join(root, '.coachdb', settings.stack, 'port');
  const stored = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  if (Number.isInteger(stored) && stored > 0 && stored < 65536) return stored;
  const problem = `No port was chosen yet (${path}): run \`npm start\` once, or set coach:server.port.`;
  throw new pulumi.RunError(forStack(problem, settings.stack));
}
