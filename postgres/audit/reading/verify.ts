import type { Client } from 'pg';

import { withTransaction } from '../../connection/client';
import { trailNames, type TrailRef } from '../names';
import { GENESIS, linkHash, rowDigest } from '../sql/chain';
import { readFailure } from './readFailure';

/**
 * What a hash chain can tell. `altered`: a row is not what its own hash says, or has lost it. `rows`: rows of a sealed stretch were removed, added, or
 * altered together with their hash. `link`: a link was altered, removed or put in. `added`: rows turned up in a time already sealed.
 * `anchor`: the head noted earlier is no longer part of the chain, so what came before it was rewritten, or its end cut off.
 */
export interface ChainProblem {
  kind: 'altered' | 'rows' | 'link' | 'added' | 'anchor';
  detail: string;
  /** Ids of rows, at most 20. */
  rows?: string[];
}

export interface ChainMonth {
  /** `2026-08`. */
  month: string;
  rows: number;
  /** Recorded since the last seal: altering one of these is found, removing one is not. */
  unsealed: number;
  /** Recorded while the chain was off. */
  unhashed: number;
  links: number;
  /** Hex. Kept somewhere else, it is the anchor that shows a cut or rewritten chain. */
  head: string | null;
  problems: ChainProblem[];
}

export interface ChainReport {
  intact: boolean;
  months: ChainMonth[];
}

export interface VerifyOptions {
  /** Heads noted earlier, by month. */
  anchors?: Record<string, string>;
}

/**
 * Recomputes every hash from the rows, with SQL of its own and none of the database's functions. Without an anchor it cannot find that the end
 * of a chain was cut off, nor that somebody who may write the tables recomputed everything after a change. PlatformErrors: `audit-missing`,
 * `audit-outdated`, `audit-denied`.
 */
export async function verifyChain(client: Client, spec: TrailRef, options: VerifyOptions = {}): Promise<ChainReport> {
  try {
    return await withTransaction(client, () => verifyMonths(client, spec, options));
  } catch (error) {
    throw readFailure(spec, error);
  }
}

async function verifyMonths(client: Client, spec: TrailRef, options: VerifyOptions): Promise<ChainReport> {
  await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query('SET LOCAL search_path = pg_catalog, pg_temp');
  await client.query(`SET LOCAL work_mem = '64MB'`);
  const months: ChainMonth[] = [];
  for (const month of await monthsOf(client, spec, Object.keys(options.anchors ?? {})))
    months.push(await verifyMonth(client, spec, month, options.anchors?.[month]));
  return { intact: months.every(({ problems }) => problems.length === 0), months };
}

async function monthsOf(client: Client, spec: TrailRef, anchored: string[]): Promise<string[]> {
  const { chain, trail } = trailNames(spec);
  const { rows } = await client.query<{ month: string }>(
    `SELECT to_char(l.month, 'YYYY-MM') AS month FROM ${chain} l
     UNION SELECT to_char(t."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM') FROM ${trail} t GROUP BY 1
     UNION SELECT unnest($1::text[]) ORDER BY 1`,
    [anchored],
  );
  return rows.map(({ month }) => month);
}

interface Stretch {
  position: number | null;
  /** The link is what its hash says, follows the one before, and starts where that one ends. */
  linked: boolean | null;
  head: string | null;
  expected: string | null;
  found: string;
  digested: boolean | null;
  /** Rows after the last link that were recorded in a time already sealed. */
  late: string;
}

async function verifyMonth(
  client: Client,
  spec: TrailRef,
  month: string,
  anchor: string | undefined,
): Promise<ChainMonth> {
  const first = `${month}-01`;
  const own = await client.query<{ rows: string; unhashed: string; altered: string; ids: string[] | null }>(OWN(spec), [
    first,
  ]);
  const stretches = (await client.query<Stretch>(STRETCHES(spec), [first])).rows;
  const links = stretches.filter(({ position }) => position !== null);
  const open = stretches.find(({ position }) => position === null);
  const counts = own.rows[0];
  const problems: ChainProblem[] = [];
  if (Number(counts?.altered ?? 0) > 0)
    problems.push({
      kind: 'altered',
      detail: `${counts?.altered} rows are not what their hash says, or have lost it`,
      rows: counts?.ids ?? [],
    });
  links.forEach((link, index) => {
    if (link.position !== index + 1 || link.linked !== true)
      problems.push({ kind: 'link', detail: `link ${link.position} does not follow from the one before` });
    if (link.digested !== true)
      problems.push({
        kind: 'rows',
        detail: `link ${link.position} covers ${link.expected} rows, ${link.found} are there, or others`,
      });
  });
  if (Number(open?.late ?? 0) > 0)
    problems.push({ kind: 'added', detail: `${open?.late} rows in a time already sealed` });
  if (anchor !== undefined && !links.some(({ head }) => head === anchor.toLowerCase()))
    problems.push({ kind: 'anchor', detail: `no link has the hash ${anchor}` });
  return {
    month,
    rows: Number(counts?.rows ?? 0),
    unsealed: Number(open?.found ?? 0) - Number(open?.late ?? 0),
    unhashed: Number(counts?.unhashed ?? 0),
    links: links.length,
    head: links.at(-1)?.head ?? null,
    problems,
  };
}

const inMonth = `t."timestamp" >= $1::timestamp AT TIME ZONE 'UTC' AND t."timestamp" < ($1::timestamp + interval '1 month') AT TIME ZONE 'UTC'`;

const OWN = (spec: TrailRef): string => `
SELECT count(*) AS rows, count(*) FILTER (WHERE x.hash IS NULL AND NOT x.wrong) AS unhashed, count(*) FILTER (WHERE x.wrong) AS altered,
       (array_agg(x.id ORDER BY x.id) FILTER (WHERE x.wrong))[1:20] AS ids
  FROM (SELECT t.id::text AS id, t.hash, CASE WHEN t.hash IS NULL THEN coalesce(t.clock_time <@ h.hashed, false) ELSE t.hash <> ${rowDigest('t')} END AS wrong
          FROM ${trailNames(spec).trail} AS t LEFT JOIN ${trailNames(spec).horizon} AS h ON true WHERE ${inMonth}) AS x`;

/** Each row falls into the stretch its time belongs to; those after the last link into one without a position. */
const STRETCHES = (spec: TrailRef): string => {
  const { trail, chain, horizon } = trailNames(spec);
  return `
WITH links AS (
  SELECT l.*, row_number() OVER w AS stretch, lag(l.hash, 1, ${GENESIS}) OVER w AS before, lag(l.until_time, 1, '-infinity') OVER w AS ends
    FROM ${chain} AS l WHERE l.month = $1::date WINDOW w AS (ORDER BY l.until_time, l.position)
), limits AS (
  SELECT coalesce(array_agg(until_time ORDER BY stretch), ARRAY[]::timestamptz[]) AS untils FROM links
), numbered AS (
  SELECT coalesce(t.hash, ${rowDigest('t')}) AS hash, t.clock_time, CASE WHEN cardinality(m.untils) = 0 THEN 0 ELSE width_bucket(t.clock_time, m.untils) END + 1 AS stretch,
         row_number() OVER (PARTITION BY CASE WHEN cardinality(m.untils) = 0 THEN 0 ELSE width_bucket(t.clock_time, m.untils) END ORDER BY t.clock_time, t.id) AS number
    FROM ${trail} AS t, limits AS m WHERE ${inMonth}
), blocks AS (
  SELECT stretch, number / 65536 AS number, count(*) AS rows, sha256(string_agg(hash, '' ORDER BY number)) AS block,
         count(*) FILTER (WHERE clock_time < (SELECT h.sealed_until FROM ${horizon} AS h)) AS late FROM numbered GROUP BY 1, 2
), found AS (
  SELECT stretch, sum(rows) AS rows, sum(late) AS late, sha256(string_agg(block, '' ORDER BY number)) AS digest FROM blocks GROUP BY 1
)
SELECT l.position, l.hash = ${linkHash('l')} AND l.previous = l.before AND l.from_time = l.ends AS linked, encode(l.hash, 'hex') AS head,
       l.row_count AS expected, coalesce(f.rows, 0) AS found, l.row_count = coalesce(f.rows, 0) AND l.digest = coalesce(f.digest, sha256('')) AS digested,
       CASE WHEN l.position IS NULL THEN coalesce(f.late, 0) ELSE 0 END AS late
  FROM links AS l FULL JOIN found AS f ON f.stretch = l.stretch ORDER BY coalesce(l.stretch, f.stretch)`;
};
