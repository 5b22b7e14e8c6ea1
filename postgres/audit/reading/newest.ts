import type { Client } from 'pg';

import { literal, trailNames, type TrailRef } from '../names';
import { condition, isFull, RECORDED_AT, selectRows, type StoredRow, type Wanted } from './historyRows';

/** One stretch of time that a single partition holds, and how many blocks that has. */
interface Stretch {
  from: string | null;
  to: string | null;
  blocks: number;
}

/** Blocks that are looked at before the indexes are asked; an index finds a user's rows, and those of a time. */
const LOOK = 2048;
const LOOK_BEFORE_INDEX = 256;

/**
 * The newest rows without sorting the trail: month by month, the latest first. Nothing orders the rows of a month but their place (they are
 * appended), so its last blocks say from when on there are enough, and the block-range index finds all of that time. Newest first.
 */
export async function newestRows(client: Client, spec: TrailRef, wanted: Wanted, limit: number): Promise<StoredRow[]> {
  await client.query('SET LOCAL jit = off');
  const found: StoredRow[] = [];
  const enough = (): boolean => found.length >= limit || isFull(found);
  const stretches = await stretchesOf(client, spec, wanted);
  for (const [index, stretch] of stretches.entries()) {
    // A transaction that began the month before may have recorded after the oldest that was found; one takes no whole month.
    const last = enough() ? found.at(-1)?.recordedAt : undefined;
    const recordedFrom = last ?? (await recordedFromEnd(client, spec, { ...wanted, within: stretch }, stretch, limit));
    const indexed = recordedFrom !== undefined || wanted.user !== undefined || wanted.since !== undefined;
    await client.query(`SET LOCAL enable_seqscan = ${indexed ? 'off' : 'on'}`);
    found.push(...(await selectRows(client, spec, { ...wanted, within: stretch, recordedFrom }, limit)));
    if (index > 0) found.sort(newestFirst);
    if (last !== undefined) break;
  }
  return found.slice(0, limit);
}

export const newestFirst = (one: StoredRow, other: StoredRow): number =>
  one.recordedAt === other.recordedAt ? (one.id < other.id ? 1 : -1) : one.recordedAt < other.recordedAt ? 1 : -1;

/** The partitions, latest first; the default one stands for every time that no other holds. */
async function stretchesOf(client: Client, spec: TrailRef, { since, until }: Wanted): Promise<Stretch[]> {
  const { rows } = await client.query<Stretch>(
    `WITH partition AS (
       SELECT substring(b.bound FROM 'FROM \\(''([^'']+)''\\)')::timestamptz AS lower, substring(b.bound FROM 'TO \\(''([^'']+)''\\)')::timestamptz AS upper,
              b.bound = 'DEFAULT' AS spare, (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 AS blocks
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
        WHERE i.inhparent = ${literal(trailNames(spec).trail)}::regclass
     ), edge AS (
       SELECT e.at AS lower, lead(e.at) OVER (ORDER BY e.at) AS upper
         FROM (SELECT '-infinity'::timestamptz AS at UNION SELECT lower FROM partition WHERE NOT spare UNION SELECT upper FROM partition WHERE NOT spare) e
     )
     SELECT nullif(e.lower, '-infinity')::text AS "from", e.upper::text AS "to", p.blocks
       FROM edge e JOIN partition p ON (p.lower, p.upper) = (e.lower, e.upper)
         OR (p.spare AND NOT EXISTS (SELECT FROM partition o WHERE (o.lower, o.upper) = (e.lower, e.upper)))
      WHERE p.blocks > 0 AND ($1::timestamptz IS NULL OR e.upper IS NULL OR e.upper > $1) AND ($2::timestamptz IS NULL OR e.lower < $2) ORDER BY e.lower DESC`,
    [since ?? null, until ?? null],
  );
  return rows;
}

/** When the `limit` newest of the partition's last blocks were recorded from; undefined: these do not hold so many. */
async function recordedFromEnd(
  client: Client,
  spec: TrailRef,
  wanted: Wanted,
  stretch: Stretch,
  limit: number,
): Promise<string | undefined> {
  const indexed = wanted.user !== undefined || wanted.since !== undefined;
  const times: string[] = [];
  let end = wanted.until === undefined ? stretch.blocks : await blockAt(client, spec, stretch, wanted.until);
  const least = end - Math.max(indexed ? LOOK_BEFORE_INDEX : LOOK, limit);
  for (let size = Math.max(8, Math.ceil(limit / 8)); end > Math.max(0, least); size *= 4) {
    const begin = Math.max(0, end - size);
    const { text, values } = condition({ ...wanted, blocks: [begin, end] });
    const { rows } = await client.query<{ at: string }>(
      `SELECT ${RECORDED_AT} AS at FROM ${trailNames(spec).trail} t WHERE ${text} ORDER BY t.clock_time DESC LIMIT ${limit}`,
      values,
    );
    times.push(...rows.map(({ at }) => at));
    if (times.length >= limit) return times.sort().at(-limit);
    end = begin;
  }
  return undefined;
}

/** The block after the last one, roughly, that holds rows of before that time. */
async function blockAt(client: Client, spec: TrailRef, stretch: Stretch, until: Date): Promise<number> {
  let [low, high] = [0, stretch.blocks];
  while (high - low > 8) {
    const middle = Math.floor((low + high) / 2);
    const { text, values } = condition({ within: stretch, blocks: [middle, middle + 8] });
    const { rows } = await client.query<{ later: boolean | null }>(
      `SELECT min(t."timestamp") >= $${values.length + 1} AS later FROM ${trailNames(spec).trail} t WHERE ${text}`,
      [...values, until],
    );
    if (rows[0]?.later === true) high = middle;
    else low = middle;
  }
  return high;
}
