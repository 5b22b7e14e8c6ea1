import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Option } from 'commander';

import { type DeploymentResult } from '../../engine/changes';
import { compareGraphs } from '../../engine/graph/compare';
import { buildGraph, type Graph } from '../../engine/graph/graph';
import { withoutCredentials } from '../../engine/protocol/credentials';
import { rewrap } from '../../engine/protocol/wire';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { NO_MACHINE, offlineProgram, withoutMachine } from '../offline';
import { renderDeployment, shortType } from '../report/tree';
import { openStack, type Stack } from '../stack';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE } from './deployment';
import { withDetailedExitCode } from './preview';

export const graph: CommandDefinition = {
  name: 'graph',
  printsData: true,
  description: 'every resource a stack declares, offline: no credentials, plugins or network',
  options: [new Option('--base <ref>', 'what changed since this git revision'), DETAILED_EXIT_CODE()],
  run: async (context, options) => {
    const stack = openStack(context, NO_MACHINE);
    const head = await graphOf(context, stack);
    const base = options['base'];
    if (typeof base !== 'string')
      return done(render(head), { resources: head.resources, outputs: head.outputs, notices: head.notices });
    const started = performance.now();
    const before = await graphAt(context, base);
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
      ...done((display) => renderDeployment(result, display), {
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
  const program = offlineProgram(stack);
  const graph = await buildGraph({
    program: { ...program, environment: withoutCredentials(program.environment) },
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
  return withoutMachine(graph, stack);
}

/** The graph of another revision: unpacked beside, built with this checkout's packages, run, removed. The repository is only read. */
async function graphAt(context: CommandContext, base: string): Promise<Graph> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'coach-base-')));
  const tree = join(folder, 'tree');
  try {
    mkdirSync(tree);
    unpack(context.root, base, tree);
    symlinkSync(join(context.root, 'node_modules'), join(tree, 'node_modules'));
    build(context, tree, base);
    const other = openStack({ ...context, root: tree }, NO_MACHINE);
    return await graphOf({ ...context, root: tree }, other);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function unpack(root: string, base: string, tree: string): void {
  const archive = `${tree}.tar`;
  try {
    const stdio: ('ignore' | 'pipe')[] = ['ignore', 'ignore', 'pipe'];
    execFileSync('git', ['-C', root, 'archive', '--format=tar', `--output=${archive}`, base], { stdio });
    execFileSync('tar', ['-xf', archive, '-C', tree], { stdio });
  } catch (error) {
    throw new PlatformError(
      'revision-unknown',
      `git cannot give ${base}: ${String((error as { stderr?: Buffer }).stderr ?? '').trim()}`,
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
