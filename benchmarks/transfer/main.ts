import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { count, print } from '../arguments';
import { type BenchmarkServer, withBenchmarkServer } from '../server';
import { median, spread, timed } from '../statistics';
import { type Contender, CONTENDERS, loadWith, missing, prepare } from './contenders';
import { generate } from './generate';
import type { LoadFigures } from './load';
import { targetSchema } from './schema';

const HELP = `npm run benchmark:transfer -- [--rows 2000000] [--rounds 3] [--sizes 200000,5000000]

  --rows    rows of the application's four tables
  --rounds  how often each contender loads them, in turn with the others
  --sizes   other numbers of rows that only ours loads, once each; none: empty
`;

const NAMES: Record<Contender, string> = {
  ours: 'ours, verified',
  unverified: 'ours, not verified',
  pipe: 'sqlite3 CSV into psql, keys after',
  duckdb: 'DuckDB, casts by hand, keys after',
  pgloader: 'pgloader',
};

/** What is asked of ours: at most so many times what the other takes. */
const GOALS: readonly { ours: Contender; other: Contender; most: number }[] = [
  { ours: 'ours', other: 'pipe', most: 1 },
  { ours: 'unverified', other: 'pipe', most: 0.7 },
  { ours: 'ours', other: 'duckdb', most: 1 },
  { ours: 'ours', other: 'pgloader', most: 1 / 3 },
];

interface Measure {
  seconds: number;
  figures: LoadFigures | undefined;
}

async function main(rows: number, rounds: number, sizes: readonly number[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'coach-benchmark-transfer-'));
  try {
    await withBenchmarkServer(async (server) => {
      const file = sourceOf(folder, rows);
      print(
        `PostgreSQL ${server.version}, Node ${process.versions.node}; ${rows} rows, ${megabytes(statSync(file).size)} of SQLite, ${rounds} rounds`,
      );
      const able = await ableContenders();
      const measures = new Map<Contender, Measure[]>(able.map((contender) => [contender, []]));
      for (let round = 0; round < rounds; round += 1) {
        const order = round % 2 === 0 ? able : able.toReversed();
        for (const contender of order) measures.get(contender)?.push(await measure(server, contender, file));
      }
      for (const [contender, all] of measures)
        print(`${NAMES[contender]}: ${spread(all.map(({ seconds }) => seconds))}${details(all)}`);
      compare(measures);
      const mine = measures.get('ours')?.at(-1);
      if (mine !== undefined) await scale(server, folder, sizes, { rows, ...mine });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ableContenders(): Promise<Contender[]> {
  const able: Contender[] = [];
  for (const contender of CONTENDERS) {
    const reason = await missing(contender);
    if (reason === undefined) able.push(contender);
    else print(`${NAMES[contender]}: not measured, ${reason}`);
  }
  return able;
}

function sourceOf(folder: string, rows: number): string {
  const file = join(folder, `rows${rows}.db`);
  generate(file, rows);
  return file;
}

/** Into a database of its own, dropped afterwards; a checkpoint before, so that nobody writes another's pages. */
async function measure(server: BenchmarkServer, contender: Contender, file: string): Promise<Measure> {
  const admin = await server.connect();
  await admin.query('CREATE DATABASE transfer');
  const client = await server.connect({ database: 'transfer' });
  const setting = {
    server,
    schema: targetSchema(dirname(dirname(dirname(__dirname)))),
    file,
    database: 'transfer',
    client,
  };
  let figures: LoadFigures | undefined;
  try {
    await prepare(contender, setting);
    await admin.query('CHECKPOINT');
    const seconds = await timed(async () => {
      figures = await loadWith(contender, setting);
    });
    return { seconds, figures };
  } finally {
    await client.end();
    await admin.query('DROP DATABASE transfer WITH (FORCE)');
    await admin.end();
  }
}

function details(all: readonly Measure[]): string {
  const figures = all.flatMap((each) => each.figures ?? []);
  const last = figures.at(-1);
  if (last === undefined) return '';
  const phases = Object.entries(last.seconds).map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)}`);
  const memory = Math.max(...figures.map((each) => each.megabytes));
  return `; ${phases.join(', ')}; at most ${memory.toFixed(0)} MB, ${last.cpuSeconds.toFixed(1)} s of processor`;
}

function compare(measures: ReadonlyMap<Contender, readonly Measure[]>): void {
  for (const { ours, other, most } of GOALS) {
    const [mine, theirs] = [measures.get(ours), measures.get(other)];
    if (mine === undefined || theirs === undefined) continue;
    const ratio = median(mine.map(({ seconds }, round) => seconds / (theirs[round]?.seconds ?? NaN)));
    const missed = ratio > most ? ', missed' : '';
    print(`${NAMES[ours]} takes ${ratio.toFixed(2)} times ${NAMES[other]}; goal: at most ${most.toFixed(2)}${missed}`);
  }
}

/** Time per row and memory at other sizes, beside those of the main one. */
async function scale(
  server: BenchmarkServer,
  folder: string,
  sizes: readonly number[],
  main: Measure & { rows: number },
): Promise<void> {
  const perRow = ({ seconds }: Measure, rows: number): number => (seconds / rows) * 1e6;
  for (const rows of sizes) {
    const file = sourceOf(folder, rows);
    const found = await measure(server, 'ours', file);
    rmSync(file);
    print(
      `${rows} rows: ${found.seconds.toFixed(2)} s, ${perRow(found, rows).toFixed(2)} µs a row (${perRow(main, main.rows).toFixed(2)} at ${main.rows}), ` +
        `${found.figures?.megabytes.toFixed(0)} MB (${main.figures?.megabytes.toFixed(0)})`,
    );
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '2000000' },
      rounds: { type: 'string', default: '3' },
      sizes: { type: 'string', default: '200000,5000000' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return print(HELP);
  const sizes = values.sizes.split(',').filter((size) => size !== '');
  await main(
    count('rows', values.rows),
    count('rounds', values.rounds),
    sizes.map((size) => count('sizes', size)),
  );
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
