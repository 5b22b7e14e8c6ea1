import type { Client } from 'pg';

import type { BenchmarkServer } from '../server';
import { median, timed } from '../statistics';
import { APPLICATION, type Contender, CONTENDERS, id, levelGround, TABLE } from './contenders';

/** Measured values of each contender, one a round: those of one place in the lists were taken one after the other. */
export type Rounds = Partial<Record<Contender, number[]>>;

export type Bulk = 'INSERT' | 'UPDATE' | 'DELETE';

export interface Single {
  clients: number;
  /** Whether a commit waits for the disk. Off, nothing hides what the trigger costs. */
  synchronous: boolean;
  perSecond: Rounds;
}

/** Who is measured how often, and whether into empty trails or into those that `fillTrails` left. */
export interface Course {
  contenders: readonly Contender[];
  rounds: number;
  trails: 'empty' | 'growing';
}

const USER = 'cmh00000000000000000000042';

const BULK: Record<Bulk, (contender: Contender) => string> = {
  INSERT: (contender) => `INSERT INTO ${contender}."${TABLE}" SELECT * FROM source`,
  UPDATE: (contender) => `UPDATE ${contender}."${TABLE}" SET "score" = "score" + 1`,
  DELETE: (contender) => `DELETE FROM ${contender}."${TABLE}"`,
};

/** Another one begins each round, so that none has the better place in it. */
const turn = (contenders: readonly Contender[], round: number): Contender[] => [
  ...contenders.slice(round % contenders.length),
  ...contenders.slice(0, round % contenders.length),
];

/** Seconds of a statement over all rows; each round fills the tables, updates and empties them. */
export async function measureBulk(
  server: BenchmarkServer,
  client: Client,
  { contenders, rounds, trails }: Course,
): Promise<Record<Bulk, Rounds>> {
  const seconds: Record<Bulk, Rounds> = { INSERT: {}, UPDATE: {}, DELETE: {} };
  const application = await server.connect({ user: APPLICATION });
  await application.query(`SELECT set_config('app.current_user_id', $1, false)`, [USER]);
  for (const contender of CONTENDERS) await client.query(`TRUNCATE ${contender}."${TABLE}"`);
  for (let round = 0; round < rounds; round += 1) {
    for (const operation of ['INSERT', 'UPDATE', 'DELETE'] as const) {
      for (const contender of turn(contenders, round)) {
        await levelGround(client, trails);
        (seconds[operation][contender] ??= []).push(await timed(() => application.query(BULK[operation](contender))));
      }
    }
  }
  return seconds;
}

/** Parts of a measure, taken in turn with the other contenders': a machine is slow for seconds at a time. */
const SLICES = 5;

/** UPDATE of one row by its key, a transaction each. `transactions`: of one measure, over all clients. */
export async function measureSingle(
  server: BenchmarkServer,
  client: Client,
  { contenders, rounds, trails }: Course,
  { rows, transactions }: { rows: number; transactions: number },
): Promise<Single[]> {
  const singles: Single[] = [
    { clients: 1, synchronous: false, perSecond: {} },
    { clients: 4, synchronous: false, perSecond: {} },
    { clients: 1, synchronous: true, perSecond: {} },
  ];
  for (const contender of CONTENDERS) {
    await client.query(`TRUNCATE ${contender}."${TABLE}"`);
    await client.query(BULK.INSERT(contender));
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { clients, synchronous, perSecond } of singles) {
      // What waits for the disk takes long enough with fewer.
      const each = Math.ceil(transactions / SLICES / clients / (synchronous ? 10 : 1));
      const seconds: Partial<Record<Contender, number>> = {};
      await levelGround(client, trails);
      for (let slice = 0; slice < SLICES; slice += 1) {
        for (const contender of turn(contenders, round + slice)) {
          const tps = await server.pgbench(
            APPLICATION,
            `\\set n random(1, ${rows})\nUPDATE ${contender}."${TABLE}" SET "score" = "score" + 1 WHERE "id" = ${id(':n')};\n`,
            ['-c', String(clients), '-j', String(Math.min(clients, 2)), '-t', String(each)],
            `-c app.current_user_id=${USER} -c synchronous_commit=${synchronous ? 'on' : 'off'}`,
          );
          seconds[contender] = (seconds[contender] ?? 0) + (each * clients) / tps;
        }
      }
      for (const contender of contenders)
        (perSecond[contender] ??= []).push((SLICES * each * clients) / (seconds[contender] ?? NaN));
    }
  }
  return singles;
}

/** Median of the rounds' own ratios: what slowed one round down slowed down both. Undefined: one of them was not measured. */
export function ratio(values: Rounds, one: Contender, other: Contender): number | undefined {
  const [ones, others] = [values[one], values[other]];
  if (ones === undefined || others === undefined) return undefined;
  return median(ones.map((value, round) => value / (others[round] ?? NaN)));
}
