import type { Client } from 'pg';

import { maintainTrail } from '../../postgres/audit/maintain';
import { literal, trailNames } from '../../postgres/audit/names';
import { bringUpAudit } from '../../postgres/audit/plan/apply';
import { type HistoryQuery, readHistory } from '../../postgres/audit/reading/history';
import type { AuditSpec } from '../../postgres/spec';
import type { BenchmarkServer } from '../server';
import { timed } from '../statistics';
import { auditSpec, id, TABLE } from './contenders';

/** Rows of the trail for each key, spread over all months. */
const CHANGES_OF_A_ROW = 10;
const USERS = 5000;
/** Changes a user makes one after the other. */
const SESSION = 20;
const SPEC: AuditSpec = auditSpec('audit', 'public');

export interface Reads {
  rows: number;
  months: number;
  /** Seconds of one row's whole history, for different rows. */
  byKey: number[];
  /** Rows found by key, on average. */
  found: number;
  /** Seconds of the newest 100: of all, of those before a time in the middle of the trail, of a user, and of the last 24 hours. */
  newest: number[];
  before: number[];
  byUser: number[];
  since: number[];
  byUserSince: number[];
  bytes: { trail: number; brin: number; btree: number };
}

/**
 * A trail as use leaves it, in the current month and `closed` ones before, and `readHistory` in it as the auditor. `keys`: how many different
 * rows are looked up.
 */
export async function measureReads(
  server: BenchmarkServer,
  admin: Client,
  rows: number,
  closed: number,
  keys: number,
): Promise<Reads> {
  const database = `history_${closed}`;
  await admin.query(`CREATE DATABASE ${database}`);
  const client = await server.connect({ database });
  await client.query(`CREATE TABLE "${TABLE}" ("id" TEXT NOT NULL PRIMARY KEY)`);
  await bringUpAudit(client, SPEC);
  const { rows: clock } = await client.query<{ now: Date }>('SELECT now()');
  const now = clock[0]?.now ?? new Date();
  const months = Array.from({ length: closed + 1 }, (_, index) => monthOf(now, index - closed));
  for (const { from } of months) await client.query(`SELECT ${trailNames(SPEC).fn('maintain')}($1)`, [from]);
  const other = await server.connect({ database });
  await fill([client, other], months, rows, now);
  // Closed months get their index, ...
  await maintainTrail(client, SPEC);

  await client.query(`SET ROLE ${SPEC.readers.join()}`);
  const everyKey = Math.ceil(rows / CHANGES_OF_A_ROW);
  const key = (index: number): string => String((index * 7919 + 13) % everyKey).padStart(22, '0');
  const histories: number[] = [];
  const byKey = await each(client, keys, async (index) => {
    const { entries } = await readHistory(client, SPEC, { table: TABLE, key: `cmh${key(index)}` });
    histories.push(entries.length);
  });
  const filter = (query: (index: number) => HistoryQuery): Promise<number[]> =>
    each(client, Math.min(keys, 5), (index) => readHistory(client, SPEC, query(index)));
  const user = (index: number): string => `user-${(index * 7) % USERS}`;
  const day = new Date(now.getTime() - 24 * 3600 * 1000);
  const first = months[0]?.from.getTime() ?? 0;
  const time = (index: number): Date => new Date(first + ((now.getTime() - first) * (index + 3)) / 10);
  return {
    rows,
    months: months.length,
    byKey,
    found: histories.reduce((sum, one) => sum + one, 0) / histories.length,
    newest: await filter(() => ({})),
    before: await filter((index) => ({ until: time(index) })),
    byUser: await filter((index) => ({ user: user(index) })),
    since: await filter(() => ({ since: day })),
    byUserSince: await filter((index) => ({ user: user(index), since: day })),
    bytes: await sizes(client),
  };
}

/** Seconds of each call but a first one, which reads the catalog into a connection's caches. */
async function each(client: Client, times: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  await work(times);
  const seconds: number[] = [];
  for (let index = 0; index < times; index += 1) seconds.push(await timed(() => work(index)));
  return seconds;
}

interface Month {
  partition: string;
  from: Date;
  until: Date;
}

function monthOf(now: Date, ahead: number): Month {
  const first = (more: number): Date => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + more, 1));
  const from = first(0);
  return {
    partition: `${SPEC.table}_${from.toISOString().slice(0, 7).replace('-', '_')}`,
    from,
    until: ahead === 0 ? now : first(1),
  };
}

/** Rows as the recorders write them, in the order of their times. Two months at a time, one on each connection. */
async function fill(clients: Client[], months: Month[], rows: number, now: Date): Promise<void> {
  const waiting = months.map((month, index) => ({
    month,
    first: Math.floor((rows * index) / months.length),
    end: Math.floor((rows * (index + 1)) / months.length),
  }));
  const work = async (client: Client): Promise<void> => {
    // What is made up here need not survive a crash.
    await client.query(`SET synchronous_commit = off`);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { month, first, end } = next;
      const current = month.until === now;
      // Of the current month, the last hundredth comes after the vacuum: what is new has no summary yet.
      const vacuumed = current ? end - Math.floor((end - first) / 100) : end;
      await client.query(fillSql(month, first, end, first, vacuumed, rows));
      await client.query(`VACUUM ANALYZE ${SPEC.schema}.${month.partition}`);
      if (vacuumed < end) await client.query(fillSql(month, first, end, vacuumed, end, rows));
    }
  };
  await Promise.all(clients.map(work));
}

/** Rows number `from` to `until` of a month that holds `first` to `end`. */
function fillSql(month: Month, first: number, end: number, from: number, until: number, rows: number): string {
  const keys = Math.ceil(rows / CHANGES_OF_A_ROW);
  const start = literal(month.from.toISOString());
  const step = (month.until.getTime() - month.from.getTime()) / Math.max(1, end - first);
  const data = (score: string): string =>
    `jsonb_build_object('id', r.key, 'studentId', r.key, 'subject', 'Lectura y comprensión', 'score', ${score}, 'passed', true, ` +
    `'answers', r.answers, 'takenAt', r.taken)`;
  return `
INSERT INTO ${SPEC.schema}.${month.partition}
  (table_name, operation, old_data, new_data, user_id, "timestamp", statement_time, clock_time, txid, table_schema, key, key_hash)
SELECT '${TABLE}', 'UPDATE', ${data('r.n % 100')}, ${data('(r.n + 1) % 100')}, r.who, r.moment, r.moment, r.moment, r.n, 'public',
       jsonb_build_object('id', r.key), jsonb_hash_extended(to_jsonb(r.key), 0)
  FROM (SELECT n, ${id(`n * 7919 % ${keys}`)} AS key, 'user-' || (hashint8(n / ${SESSION}) & 2147483647) % ${USERS} AS who,
               ${start}::timestamptz + (n - ${first}) * interval '${step} milliseconds' AS moment,
               jsonb_build_object('correct', 7, 'of', 20) AS answers, ${start}::timestamp AS taken
          FROM generate_series(${from}::bigint, ${until - 1}::bigint) AS n OFFSET 0) AS r`;
}

async function sizes(client: Client): Promise<Reads['bytes']> {
  const { rows } = await client.query<{ trail: string; brin: string; btree: string }>(
    `WITH partitions AS (SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = $1::regclass),
          indexes AS (SELECT a.amname AS kind, pg_relation_size(c.oid) AS bytes
                        FROM partitions p JOIN pg_index i ON i.indrelid = p.oid JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam)
     SELECT (SELECT sum(pg_table_size(p.oid)) FROM partitions p) AS trail,
            (SELECT coalesce(sum(bytes), 0) FROM indexes WHERE kind = 'brin') AS brin,
            (SELECT coalesce(sum(bytes), 0) FROM indexes WHERE kind = 'btree') AS btree`,
    [trailNames(SPEC).trail],
  );
  const { trail, brin, btree } = rows[0] ?? { trail: 0, brin: 0, btree: 0 };
  return { trail: Number(trail), brin: Number(brin), btree: Number(btree) };
}
