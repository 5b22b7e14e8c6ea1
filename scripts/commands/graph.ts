import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Option } from 'commander';

import { type DeploymentResult } from '../../engine/changes';
import { compareGraphs } from '../../engine/graph/compare';
import { buildGraph, type Graph } from '../../engine/graph/graph';
import { withoutCredentials } from '../../engine/protocol/credentials';
import { rewrap } from '../../engine/protocol/wire';
import { PlatformError } from '../../postgres/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { ensurePort } from '../port';
import { renderDeployment, shortType } from '../report/tree';
import { openStack, type Stack } from '../stack';
import { stackHome, writeLine } from '../workspace';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE } from './deployment';
import { withDetailedExitCode } from './preview';

export const graph: CommandDefinition = {
  name: 'graph',
  printsData: true,
  description: 'every resource a stack declares, offline: no credentials, plugins or network',
  options: [new Option('--base <ref>', 'what changed since this git revision'), DETAILED_EXIT_CODE()],
  run: async (context, options) => {
    const stack = openStack(context);
    const head = await graphOf(context, stack);
    const base = options['base'];
    if (typeof base !== 'string')
      return done(render(head), { resources: head.resources, outputs: head.outputs, notices: head.notices });
    const started = performance.now();
    const before = await graphAt(context, base, stack);
    const compared = compareGraphs(before, head);
    const result: DeploymentResult = {
      ...compared,
      operation: 'preview',
      outputs: {},
      durationMs: Math.round(performance.now() - started),
      problems: [],
    };
    const differs = compared.changes.some(({ operation }) => operation !== 'same');
    const command: CommandResult = {
      ...done(renderDeployment(result), {
        base,
        changes: compared.changes,
        counts: compared.counts,
        resources: head.resources,
      }),
      status: differs ? 'differs' : 'ok',
    };
    return withDetailedExitCode(command, options['detailedExitcode'] === true);
  },
};

async function graphOf(context: CommandContext, stack: Stack): Promise<Graph> {
  if (stack.settings.environment === 'local') await ensurePort(context, stack);
  return buildGraph({
    program: { ...stack.program, environment: withoutCredentials(context.environment) },
    invokes: Object.fromEntries(
      Object.entries(stack.settings.graph.invokes).map(([token, answer]) => [
        token,
        rewrap(answer as Record<string, unknown>),
      ]),
    ),
    onLog: (severity, message) => {
      if (context.verbose || severity === 'warning') context.progress(`${severity}: ${message}`);
    },
  });
}

/** The graph of another revision: checked out beside, built with this checkout's packages, run, removed. */
async function graphAt(context: CommandContext, base: string, stack: Stack): Promise<Graph> {
  const folder = mkdtempSync(join(tmpdir(), 'coach-base-'));
  const tree = join(folder, 'tree');
  try {
    git(context.root, ['worktree', 'add', '--detach', '--quiet', tree, base], base);
    symlinkSync(join(context.root, 'node_modules'), join(tree, 'node_modules'));
    build(context, tree, base);
    const other = openStack({ ...context, root: tree });
    if (stack.settings.environment === 'local') keepPort(context, stack, other);
    return await graphOf({ ...context, root: tree }, other);
  } finally {
    if (existsSync(tree))
      execFileSync('git', ['-C', context.root, 'worktree', 'remove', '--force', tree], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A port that was chosen for this folder is no difference between two revisions. */
function keepPort(context: CommandContext, stack: Stack, other: Stack): void {
  const file = join(stackHome(stack.workspace, stack.name), 'port');
  mkdirSync(stackHome(other.workspace, other.name), { recursive: true });
  writeLine(join(stackHome(other.workspace, other.name), 'port'), readFileSync(file, 'utf8').trim());
  context.progress(`comparing with ${other.program.projectRoot}`);
}

function git(root: string, args: string[], base: string): void {
  try {
    execFileSync('git', ['-C', root, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    throw new PlatformError(
      'revision-unknown',
      `git cannot check out ${base}: ${String((error as { stderr?: Buffer }).stderr ?? '').trim()}`,
      'Give a commit, branch or tag of this repository; in a shallow clone fetch it first.',
      { kind: 'usage', object: base, cause: error },
    );
  }
}

function build(context: CommandContext, tree: string, base: string): void {
  context.progress(`building ${base}`);
  try {
    execFileSync(process.execPath, [join(tree, 'scripts', 'build.cjs')], {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new PlatformError(
      'base-unbuildable',
      `Revision ${base} does not compile with the packages of this checkout: ${String((error as { stderr?: Buffer }).stderr ?? '')}`,
      'Compare with a revision whose packages are these, or run `npm ci` for it first.',
      { object: base, cause: error },
    );
  }
}

function render({ resources, notices }: Graph): string {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const lines: string[] = [];
  const draw = (urn: string, indent: string): void => {
    const resource = byUrn.get(urn);
    if (resource === undefined) return;
    const marks = [resource.protect && 'protected', resource.deletedWith !== undefined && 'deleted with the server'];
    const said = marks.filter((mark) => mark !== false).join(', ');
    lines.push(`${indent}${resource.name}  ${shortType(resource.type)}${said === '' ? '' : `  (${said})`}`);
    for (const child of resources.filter(({ parent }) => parent === urn)) draw(child.urn, `${indent}  `);
  };
  for (const root of resources.filter(({ parent }) => parent === undefined || !byUrn.has(parent))) draw(root.urn, '');
  return [...lines, '', `${resources.length} resources`, ...notices.map((notice) => `note: ${notice}`)].join('\n');
}
