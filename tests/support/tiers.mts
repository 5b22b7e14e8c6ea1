import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** What a test file needs, from least to most; each is a vitest project of that name. */
export const TIERS = ['pure', 'server', 'stack', 'faults', 'aws'] as const;
export type Tier = (typeof TIERS)[number];

/** Kills, full disks, other accounts, modules replaced, and what measures: each file in a process of its own. */
const FAULTS = /^tests\/(faults|benchmarks)\//;
/** Prod's program against AWS emulators: `npm run test:aws`, no part of `npm test`. */
const AWS = /^tests\/rehearsal\//;
/** Whoever imports it, through whatever file, has a copy of the project with a stack of its own. */
const STACK = 'benchmarks/project.ts';
/** The same of a PostgreSQL server: one of its own, or the run's. */
const SERVER = 'tests/support/cluster.ts';
const RUN_SERVER = "inject('cluster')";

/** The test files of each tier, by what they import, as paths from the folder of package.json. */
export function testFiles(root: string): Record<Tier, string[]> {
  const files = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `tests/${name}`)
    .sort();
  const tiers: Record<Tier, string[]> = { pure: [], server: [], stack: [], faults: [], aws: [] };
  const known = new Map<string, string[]>();
  for (const file of files) tiers[tierOf(root, file, known)].push(file);
  return tiers;
}

function tierOf(root: string, file: string, known: Map<string, string[]>): Tier {
  if (FAULTS.test(file)) return 'faults';
  if (AWS.test(file)) return 'aws';
  const reached = reachedFrom(root, file, known);
  if (reached.has(STACK)) return 'stack';
  const isServer = (one: string): boolean =>
    one === SERVER || readFileSync(join(root, one), 'utf8').includes(RUN_SERVER);
  return [...reached].some(isServer) ? 'server' : 'pure';
}

/** All files of the tests that this one imports, and theirs. What lies elsewhere imports no test. */
function reachedFrom(root: string, file: string, known: Map<string, string[]>): Set<string> {
  const reached = new Set<string>();
  const open = [file];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    const imports = known.get(next) ?? importsOf(root, next);
    known.set(next, imports);
    open.push(...imports);
  }
  return reached;
}

function importsOf(root: string, file: string): string[] {
  if (!file.startsWith('tests/')) return [];
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)].flatMap(([, path = '']) => {
    const found = relative(root, join(root, dirname(file), `${path}.ts`));
    return existsSync(join(root, found)) ? [found] : [];
  });
}
