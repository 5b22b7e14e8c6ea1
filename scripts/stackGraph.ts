import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildGraph, type Graph } from '../engine/graph/graph';
import { withoutCredentials } from '../engine/protocol/credentials';
import { rewrap } from '../engine/protocol/wire';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import { NO_MACHINE, offlineProgram, withoutMachine } from './offline';
import { openStack, type Stack } from './stack';

/** Everything a stack's program declares, offline. */
export async function graphOf(context: CommandContext, stack: Stack): Promise<Graph> {
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
export async function graphAt(context: CommandContext, base: string): Promise<Graph> {
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
