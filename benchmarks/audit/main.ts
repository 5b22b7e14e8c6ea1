import { parseArgs } from 'node:util';

import { withBenchmarkServer } from '../server';
import { median, percentile } from '../statistics';
import { APPLICATION, type Contender, CONTENDERS, createContenders, fillTrails } from './contenders';
import { measureReads, type Reads } from './reads';
import { type Bulk, measureBulk, measureSingle, ratio, type Rounds, type Single } from './writes';

const HELP = `npm run benchmark:audit -- [--rows 200000] [--trail 10000000] [--open 5000000] [--rounds 5]

  --rows    rows of the audited tables, all of which the bulk statements change
  --trail   rows of the trail that histories are read from, in six months; 0: none are read
  --open    the same, all in the current month
  --rounds  how often each contender is measured, in turn with the others; 0: not at all
`;

/** Changes of each row that both trails already contain in the second part. */
const CHANGES_BEFORE = 10;

interface Options {
  rows: number;
  trail: number;
  open: number;
  rounds: number;
}

/** What the trail costs whoever writes, beside the founding document's trigger and none; how long a row's history takes. */
async function main(options: Options): Promise<void> {
  await withBenchmarkServer(async (server) => {
    const { rows, trail, open, rounds } = options;
    const admin = await server.connect();
    await admin.query(`CREATE ROLE coach_auditor`);
    print(`PostgreSQL ${server.version}; ${rows} rows, ${rounds} rounds, trails of ${trail} and ${open} rows`);
    if (rounds > 0) {
      await server.createLogin(APPLICATION);
      await createContenders(admin, rows);
      const size = { rows, transactions: Math.ceil(rows / 3) };
      const empty = { contenders: CONTENDERS, rounds, trails: 'empty' } as const;
      for (const single of await measureSingle(server, admin, empty, size)) print(singleLine(single, ''));
      bulkLines(await measureBulk(server, admin, empty), '').forEach(print);
      await fillTrails(admin, CHANGES_BEFORE);
      const filled = { contenders: ['seed', 'ours'], rounds, trails: 'growing' } as const;
      print(`the same after ${CHANGES_BEFORE * rows} rows in each trail:`);
      for (const single of await measureSingle(server, admin, filled, size)) print(singleLine(single, '  '));
      bulkLines(await measureBulk(server, admin, filled), '  ').forEach(print);
    }
    const trails = [
      { size: trail, closed: 5 },
      { size: open, closed: 0 },
    ].filter(({ size }) => size > 0);
    for (const { size, closed } of trails) {
      print(`trail of ${size} rows in ${closed + 1} month${closed > 0 ? 's' : ', the current one'}:`);
      readLines(await measureReads(server, admin, size, closed, 50)).forEach((text) => print(`  ${text}`));
    }
  });
}

function singleLine({ clients, synchronous, perSecond }: Single, indent: string): string {
  return line(
    `${indent}single UPDATE, ${clients} client${clients > 1 ? 's' : ''}${synchronous ? ', on disk' : ''}`,
    values(perSecond, (value) => `${value.toFixed(0)}/s`),
    `ours ${times(ratio(perSecond, 'ours', 'seed'))} the seed’s, goal: at least 0.95${missed(ratio(perSecond, 'ours', 'seed'), 0.95)}`,
    ...chained(ratio(perSecond, 'chained', 'seed')),
  );
}

function bulkLines(seconds: Record<Bulk, Rounds>, indent: string): string[] {
  return (['INSERT', 'UPDATE', 'DELETE'] as const).map((operation) => {
    const faster = ratio(seconds[operation], 'seed', 'ours');
    const goal = operation === 'UPDATE' ? 1 : 1.8;
    return line(
      `${indent}${operation} of all rows`,
      values(seconds[operation], (value) => `${value.toFixed(2)} s`),
      `ours ${times(faster)} as fast as the seed’s, goal: at least ${goal}${missed(faster, goal)}`,
      ...chained(ratio(seconds[operation], 'seed', 'chained')),
    );
  });
}

const NAMES: Record<Contender, string> = { none: 'no trigger', seed: 'seed’s', ours: 'ours', chained: 'chained' };

const values = (rounds: Rounds, text: (value: number) => string): string =>
  CONTENDERS.flatMap((contender) => {
    const measured = rounds[contender];
    return measured === undefined ? [] : [`${NAMES[contender]} ${text(median(measured))}`];
  }).join(', ');

const times = (measured: number | undefined): string =>
  measured === undefined ? 'not measured' : `${measured.toFixed(2)} times`;

const chained = (measured: number | undefined): string[] =>
  measured === undefined ? [] : [`with hash chain ${times(measured)}`];

const missed = (measured: number | undefined, goal: number): string =>
  measured !== undefined && measured < goal ? ', missed' : '';

function readLines({ byKey, found, newest, before, byUser, since, byUserSince, bytes }: Reads): string[] {
  const ms = (value: number): string => `${(value * 1000).toFixed(1)} ms`;
  const spread = (seconds: number[]): string =>
    `${ms(median(seconds))}, 95th percentile ${ms(percentile(seconds, 95))}`;
  const share = (part: number): string => `${((part / bytes.trail) * 100).toFixed(2)} %`;
  return [
    line(
      'history of one row',
      `${spread(byKey)}; goal: under 50 ms${median(byKey) < 0.05 ? '' : ', missed'}`,
      `${byKey.length} keys of ${found.toFixed(1)} rows`,
    ),
    line('newest 100', `${spread(newest)}; goal: under 200 ms${median(newest) < 0.2 ? '' : ', missed'}`),
    line('newest 100 of before a time', spread(before)),
    line('newest 100 of a user', spread(byUser)),
    line('newest 100 of the last 24 h', spread(since)),
    line('a user’s of the last 24 h', spread(byUserSince)),
    line(
      'indexes beside the trail',
      `BRIN ${share(bytes.brin)}, B-trees of closed months ${share(bytes.btree)} of ${(bytes.trail / 1e9).toFixed(3)} GB`,
    ),
  ];
}

const line = (name: string, ...parts: string[]): string => `${name.padEnd(32)} ${parts.join('; ')}`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Undefined: help was asked for. */
function parseOptions(args: string[]): Options | undefined {
  const { values: given } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '200000' },
      trail: { type: 'string', default: '10000000' },
      open: { type: 'string', default: '5000000' },
      rounds: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (given.help === true) return undefined;
  const count = (name: 'rows' | 'trail' | 'open' | 'rounds', least: number): number => {
    const value = Number(given[name]);
    if (!Number.isSafeInteger(value) || value < least)
      throw new Error(`--${name} is ${given[name]}; expected a whole number from ${least} on.`);
    return value;
  };
  return { rows: count('rows', 1), trail: count('trail', 0), open: count('open', 0), rounds: count('rounds', 0) };
}

async function run(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) print(HELP);
  else await main(options);
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
