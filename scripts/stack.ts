import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

import { parse } from 'yaml';

import type { ProgramSource } from '../engine/apply/run';
import { defaultSettings } from '../infra/config/defaults';
import { environmentOf, parseSettings } from '../infra/config/parse';
import type { Settings } from '../infra/config/settings';
import { readStackFile } from '../infra/config/stackFile';
import { PlatformError, type Problem } from '../system/errors';
import type { CommandContext } from './command';
import { handlersOf } from './handlers';
import { ProblemList } from './problems';
import { type Task, taskDescription, taskStack } from './task/description';
import { stackHome, type Workspace, workspaceOf } from './workspace';

/** A stack as its files describe it. */
export interface Stack {
  name: string;
  project: string;
  settings: Settings;
  workspace: Workspace;
  program: ProgramSource;
  machine: { memoryBytes: number; cpus: number };
  warnings: Problem[];
  /** Where this runs in the task of prod: what it is told there. */
  task?: Task;
}

/**
 * Reads Pulumi.yaml and the stack's file; every problem of the settings is reported at once, exit code 64. `machine` is what local runs on.
 * With `any` wrong settings are no obstacle, and the defaults stand for them: for what mends settings.
 */
export function openStack(
  context: CommandContext,
  machine = { memoryBytes: totalmem(), cpus: cpus().length },
  settingsAre: 'right' | 'any' = 'right',
): Stack {
  const { root, stack } = context;
  const task = taskDescription(context.environment);
  if (task !== undefined) return taskStack(task, root);
  const project = readProject(join(root, 'Pulumi.yaml'));
  const path = join(root, `Pulumi.${stack}.yaml`);
  if (!existsSync(path)) {
    throw new PlatformError(
      'stack-unknown',
      `There is no stack ${stack}: ${`Pulumi.${stack}.yaml`} does not exist. Stacks here: ${stacksOf(root).join(', ')}.`,
      'Give one of them with --stack, or write that file.',
      { kind: 'usage', object: stack },
    );
  }
  const file = readStackFile(readFileSync(path, 'utf8'), path);
  if (file.problems.length > 0) throw new ProblemList(file.problems);
  const parsed = parseSettings(file.raw, stack, { machine });
  if (parsed.settings === undefined && settingsAre === 'right') throw new ProblemList(parsed.problems);
  const settings = parsed.settings ?? defaultSettings(stack, environmentOf(stack, file.raw));
  const program: ProgramSource = {
    projectRoot: root,
    main: project.main,
    project: project.name,
    stack,
    ...programConfig({ ...prefixed(file.raw, `${project.name}:`), ...file.others }),
    preload: handlersOf(root),
    environment: context.environment,
  };
  return {
    name: stack,
    project: project.name,
    settings,
    workspace: workspaceOf(root),
    program,
    machine,
    warnings: parsed.problems,
  };
}

/** Where the stack's reports go; in a task they would go with it. */
export const reportHome = ({ task, workspace, name }: Stack): string | undefined =>
  task === undefined ? stackHome(workspace, name) : undefined;

function readProject(path: string): { name: string; main: string } {
  let project: unknown;
  let cause: unknown;
  try {
    project = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    cause = error;
  }
  if (isProject(project)) return project;
  throw new PlatformError(
    'project-file',
    `${path} does not describe this project: ${cause instanceof Error ? cause.message : 'name and main have to be texts.'}`,
    'Restore it: `git checkout Pulumi.yaml`.',
    { kind: 'usage', object: path, cause },
  );
}

function isProject(value: unknown): value is { name: string; main: string } {
  if (typeof value !== 'object' || value === null) return false;
  return 'name' in value && typeof value.name === 'string' && 'main' in value && typeof value.main === 'string';
}

function prefixed(raw: Record<string, unknown>, prefix: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** Settings as Pulumi hands them to a program: full keys, structured values as JSON text, in the place of an encrypted one a symbol. */
function programConfig(values: Record<string, unknown>): Pick<ProgramSource, 'config' | 'secretKeys'> {
  const secretKeys: string[] = [];
  const entries = Object.entries(values).map(([key, value]): [string, string] => {
    const plain = withoutSecrets(value, key, () => secretKeys.push(key));
    return [key, typeof plain === 'string' ? plain : JSON.stringify(plain)];
  });
  return { config: Object.fromEntries(entries), secretKeys };
}

function withoutSecrets(value: unknown, path: string, onSecret: () => void): unknown {
  if (Array.isArray(value)) return value.map((entry, at) => withoutSecrets(entry, `${path}[${at}]`, onSecret));
  if (typeof value !== 'object' || value === null) return value;
  if ('secure' in value) {
    onSecret();
    return `‹${path}›`;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, withoutSecrets(entry, `${path}.${key}`, onSecret)]),
  );
}

function stacksOf(root: string): string[] {
  return readdirSync(root).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
}
