import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

import { parse } from 'yaml';

import type { ProgramSource } from '../engine/apply/run';
import { parseSettings } from '../infra/config/parse';
import type { Settings } from '../infra/config/settings';
import { readStackFile } from '../infra/config/stackFile';
import { PlatformError, type Problem } from '../postgres/errors';
import type { CommandContext } from './command';
import { handlersOf } from './handlers';
import { ProblemList } from './problems';
import { type Workspace, workspaceOf } from './workspace';

/** A stack as its files describe it. */
export interface Stack {
  name: string;
  project: string;
  settings: Settings;
  workspace: Workspace;
  program: ProgramSource;
  machine: { memoryBytes: number; cpus: number };
  warnings: Problem[];
}

/** Reads Pulumi.yaml and the stack's file; every problem of the settings is reported at once, exit code 64. `machine` is what local runs on. */
export function openStack(context: CommandContext, machine = { memoryBytes: totalmem(), cpus: cpus().length }): Stack {
  const { root, stack } = context;
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
  const { settings, problems } = parseSettings(file.raw, stack, { machine });
  if (settings === undefined) throw new ProblemList(problems);
  const program: ProgramSource = {
    projectRoot: root,
    main: project.main,
    project: project.name,
    stack,
    config: { ...programConfig(file.raw, `${project.name}:`), ...programConfig(file.others, '') },
    secretKeys: [],
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
    warnings: problems,
  };
}

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

/** Settings as Pulumi hands them to a program: full keys, structured values as JSON text. */
function programConfig(raw: Record<string, unknown>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [
      `${prefix}${key}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

function stacksOf(root: string): string[] {
  return readdirSync(root).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
}
