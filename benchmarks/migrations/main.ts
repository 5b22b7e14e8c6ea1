import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { Client } from 'pg';

import { applyMigrations } from '../../postgres/migrations/apply';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import { readHistory } from '../../postgres/migrations/history';
import { planMigrations } from '../../postgres/migrations/plan';
import { readScript } from '../../postgres/migrations/script';
import { type BenchmarkServer, withBenchmarkServer } from '../server';
import { median, spread, timed } from '../statistics';

const HELP = `npm run benchmark:migrations -- [--statements 40000] [--rounds 5]

  --statements  INSERTs of the one file; a fiftieth as many objects of the other
  --rounds      how often each is measured, in turn
`;

const OWNER = 'coach_owner';
const NAME = '20250101000000_large';

/** Two files as people have them: rows of a seed, and the objects of a first migration. */
function files(statements: number): { what: string; sql: string }[] {
  const rows = Array.from(
    { length: statements },
    (_, i) =>
      `INSERT INTO "Lesson" ("id", "title", "body", "level") VALUES (${i}, 'It''s lesson ${i}', E'a\\nb', ${i % 9});`,
  );
  const objects = Array.from({ length: Math.ceil(statements / 200) }, (_, i) => [
    `-- CreateTable\nCREATE TABLE "T${i}" ("id" TEXT NOT NULL, "n" INTEGER, CONSTRAINT "T${i}_pkey" PRIMARY KEY ("id"));`,
    `-- CreateIndex\nCREATE INDEX "T${i}_n_idx" ON "T${i}"("n");`,
    `CREATE FUNCTION f${i}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 1; RETURN NEW; END; $$;`,
    `CREATE TRIGGER "t${i}" BEFORE INSERT ON "T${i}" FOR EACH ROW EXECUTE FUNCTION f${i}();`,
  ]).flat();
  return [
    { what: `${rows.length} INSERTs`, sql: `${TABLE}\n${rows.join('\n')}\n` },
    { what: `${objects.length} objects`, sql: `${objects.join('\n\n')}\n` },
  ];
}

const TABLE = 'CREATE TABLE "Lesson" ("id" INTEGER PRIMARY KEY, "title" TEXT, "body" TEXT, "level" INTEGER);';

async function main({ statements, rounds }: { statements: number; rounds: number }): Promise<void> {
  await withBenchmarkServer(async (server) => {
    print(`PostgreSQL ${server.version}; ${rounds} rounds`);
    const admin = await server.connect();
    await admin.query(`CREATE ROLE ${OWNER}`);
    for (const { what, sql } of files(statements)) await measureFile(server, admin, what, sql, rounds);
  });
  measureReading(statements, rounds);
}

/** The file sent at once by the same client, and all of `deploy` from reading the folder on, each into a database of its own. */
async function measureFile(
  server: BenchmarkServer,
  admin: Client,
  what: string,
  sql: string,
  rounds: number,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'coach-benchmark-migrations-'));
  mkdirSync(join(directory, NAME));
  writeFileSync(join(directory, NAME, 'migration.sql'), sql);
  const contenders = {
    atOnce: async (client: Client): Promise<void> => {
      await client.query(`SET ROLE ${OWNER}`);
      await client.query(sql);
    },
    ours: async (client: Client): Promise<void> => {
      const options = { role: OWNER, lockTimeoutMs: 0, statementTimeoutMs: 0 };
      await applyMigrations(client, planMigrations(readMigrationFolder(directory), await readHistory(client)), options);
    },
  };
  const seconds: Record<keyof typeof contenders, number[]> = { atOnce: [], ours: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      const order = ['atOnce', 'ours'] as const;
      for (const contender of round % 2 === 0 ? order : order.toReversed()) {
        await admin.query(`CREATE DATABASE bench OWNER ${OWNER}`);
        const client = await server.connect({ database: 'bench' });
        seconds[contender].push(await timed(() => contenders[contender](client)));
        await client.end();
        await admin.query('DROP DATABASE bench');
        await admin.query('CHECKPOINT');
      }
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const ratio = median(seconds.ours.map((ours, round) => ours / (seconds.atOnce[round] ?? NaN)));
  print(`${what}, sent at once: ${spread(seconds.atOnce)}`);
  print(
    `${what}, applied here: ${spread(seconds.ours)}; ${times(ratio)} that, goal: at most 1.2${ratio > 1.2 ? ', missed' : ''}`,
  );
}

/** In time of the processor. Four times as many statements: a quadratic reader would take sixteen times as long. */
function measureReading(statements: number, rounds: number): void {
  const read = (count: number): number => {
    const sql = files(count)[0]?.sql ?? '';
    const before = process.cpuUsage();
    readScript({ name: NAME, path: NAME, checksum: '', sql, warnings: [] });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const [few, many]: [number[], number[]] = [[], []];
  read(statements);
  for (let round = 0; round < rounds; round += 1) {
    few.push(read(statements));
    many.push(read(4 * statements));
  }
  const growth = median(many.map((seconds, round) => seconds / (few[round] ?? NaN)));
  print(`reading ${statements} statements: ${spread(few)}`);
  print(
    `reading ${4 * statements} statements: ${spread(many)}; ${times(growth)} that, goal: under 6${growth < 6 ? '' : ', missed'}`,
  );
}

const times = (ratio: number): string => `${ratio.toFixed(2)} times`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      statements: { type: 'string', default: '40000' },
      rounds: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return print(HELP);
  const count = (name: 'statements' | 'rounds'): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new Error(`--${name} is ${values[name]}; expected a whole number from 1 on.`);
    return value;
  };
  await main({ statements: count('statements'), rounds: count('rounds') });
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
