import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { PLAIN_SDK } from '../../engine/protocol/sdkProcess';
import { TestProject } from '../project';
import { median, spread, timed } from '../statistics';
import { serverByHand } from './byHand';

const RUNS = Number(process.argv[2] ?? '5');
const STACKS = ['local', 'dev', 'prod'];

/** First `up` beside the same by hand, `up` with nothing to change beside Pulumi's, and `graph`; each pair taken in turn. */
async function main(): Promise<void> {
  const first: number[] = [];
  const byHand: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const project = new TestProject();
    // As `npm ci` leaves it.
    execFileSync(process.execPath, [project.path('scripts', 'prepare.cjs')]);
    const migrations = project.path('app', 'prisma', 'migrations');
    const baseline =
      readdirSync(migrations)
        .filter((name) => /^\d/.test(name))
        .sort()[0] ?? '';
    byHand.push(await timed(() => serverByHand(project.root, join(migrations, baseline, 'migration.sql'))));
    first.push(await timed(() => expectOk(project, ['start', '--engine', 'embedded'])));
    await project.remove();
  }
  const project = new TestProject();
  try {
    await expectOk(project, ['start', '--engine', 'embedded']);
    const unchanged: number[] = [];
    const plain: number[] = [];
    const pulumi: number[] = [];
    const graph = Object.fromEntries(STACKS.map((stack) => [stack, [] as number[]]));
    for (let run = 0; run < RUNS; run += 1) {
      unchanged.push(await timed(() => expectOk(project, ['up', '--yes', '--engine', 'embedded'])));
      plain.push(await timed(() => expectOk(project, ['up', '--yes', '--engine', 'embedded'], { [PLAIN_SDK]: '1' })));
      if (hasPulumi()) pulumi.push(await timed(() => expectOk(project, ['up', '--yes', '--engine', 'pulumi'])));
      for (const stack of STACKS) graph[stack]?.push(await timed(() => expectOk(project, ['graph', '--stack', stack])));
    }
    report(first, byHand, unchanged, plain, pulumi, graph);
  } finally {
    await project.remove();
  }
}

function report(
  first: number[],
  byHand: number[],
  unchanged: number[],
  plain: number[],
  pulumi: number[],
  graph: Record<string, number[]>,
): void {
  const more = median(first) - median(byHand);
  const lines = [
    `runs of each: ${RUNS}`,
    `first up                       ${spread(first)}`,
    `the same by hand               ${spread(byHand)}`,
    `more than by hand              ${more.toFixed(2)} s; goal: at most 2.5 s`,
    `up, nothing to change          ${spread(unchanged)}; goal: under 2 s`,
    `the same with the SDK as it is ${spread(plain)}; ${PLAIN_SDK} set`,
    pulumi.length > 0
      ? `the same by Pulumi             ${spread(pulumi)}; embedded takes ${(median(unchanged) / median(pulumi)).toFixed(2)} of it`
      : 'the same by Pulumi             not measured: no pulumi on PATH',
    ...STACKS.map((stack) => `graph ${stack}`.padEnd(31) + `${spread(graph[stack] ?? [])}; goal: under 1.5 s`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function expectOk(project: TestProject, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const result = await project.run(args, { PULUMI_HOME: process.env['PULUMI_HOME'], ...environment });
  if (result.code !== 0)
    throw new Error(`coachdb ${args.join(' ')} ended with ${String(result.code)}:\n${result.stderr}`);
}

function hasPulumi(): boolean {
  try {
    execFileSync('pulumi', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
