import type { AuditSpec } from '../../spec';
import { literal, trailNames, USER_SETTING } from '../names';
import { type AuditFunction, plain } from './function';

/*
 * What of a row is recorded as it is. A row of a few kilobytes may be a gigabyte as text (`1e131071` takes eight bytes), or nested too deep to
 * be read back, and the trail has to be dumped, sealed and read whatever an application wrote. Documented in docs/audit.md.
 */

/** A row whose JSON takes no more bytes is not looked at: its text is 22 MB at most, its nesting 256. A part of a key that takes more is replaced. */
export const UNCHECKED = 2048;
/** A value that weighs more is replaced; the weight is its size in bytes with every digit of its numbers. */
export const LARGEST_VALUE = 1024 * 1024;
/** Where a row's remaining values weigh more together, those above `LARGE_IN_LARGE_ROW` are replaced. */
const LARGEST_ROW = 8 * 1024 * 1024;
const LARGE_IN_LARGE_ROW = 4096;
/** A value that is nested deeper is replaced. */
const DEEPEST = 100;
/** JSON that weighs more is not turned into text, for its SHA-256 either. */
const LARGEST_TEXT = 8 * 1024 * 1024;
/** Bytes of app.current_user_id. */
export const LONGEST_USER = 1000;
/** Rows of earlier versions that weigh more cannot be trusted to be under PostgreSQL's gigabyte as text, where each byte may take seven. */
export const UNREADABLE = 128 * 1024 * 1024;

/** Numbers whose digits are counted at a time: 34 MB of text at most. */
const SLICE = 256;

export function boundFunctions(spec: AuditSpec): AuditFunction[] {
  return [
    { ...plain('weigh', 'bigint'), arguments: 'content jsonb, enough bigint', source: weighBody() },
    {
      ...plain('bounded', 'jsonb'),
      arguments: 'content jsonb, keys text[]',
      execute: spec.readers,
      source: boundedBody(spec),
    },
  ];
}

/** Bytes of a value with every digit of its numbers; counts no further than `enough`. */
function weighBody(): string {
  return `
DECLARE
  -- A stored value is compressed; this one is not.
  plain CONSTANT jsonb := content #> '{}';
  weight bigint := pg_column_size(plain);
  numbers jsonb;
BEGIN
  IF weight > enough THEN RETURN weight; END IF;
  IF jsonb_path_exists(plain, 'strict $.**{${DEEPEST}}') THEN RETURN 1::bigint << 40; END IF;
  numbers := jsonb_path_query_array(plain, 'strict $.** ? (@.type() == "number")');
  FOR begins IN 0 .. coalesce(jsonb_array_length(numbers), 0) - 1 BY ${SLICE} LOOP
    weight := weight + octet_length(jsonb_path_query_array(numbers, '$[$from to $to]', jsonb_build_object('from', begins, 'to', begins + ${SLICE - 1}))::text);
    EXIT WHEN weight > enough;
  END LOOP;
  RETURN weight;
END
`;
}

function boundedBody(spec: AuditSpec): string {
  const weigh = trailNames(spec).fn('weigh');
  return `
DECLARE
  plain CONSTANT jsonb := content #> '{}';
  result jsonb;
  kept bigint;
  limit_now bigint;
BEGIN
  IF plain IS NULL OR pg_column_size(plain) <= ${UNCHECKED} THEN RETURN plain; END IF;
  IF ${weigh}(plain, ${LARGEST_VALUE}) <= ${LARGEST_VALUE}
     AND NOT EXISTS (SELECT FROM unnest(keys) AS k WHERE pg_column_size(plain -> k) > ${UNCHECKED}) THEN RETURN plain; END IF;
  FOREACH limit_now IN ARRAY ARRAY[${LARGEST_VALUE}, ${LARGE_IN_LARGE_ROW}] LOOP
    SELECT jsonb_object_agg(v.key, CASE WHEN NOT v.large THEN v.value
             WHEN jsonb_typeof(v.value) = 'string' OR v.weight <= ${LARGEST_TEXT} THEN to_jsonb(${largeSql("(v.value #>> '{}')")})
             ELSE to_jsonb(format('[too large: %s bytes, hash %s]', pg_column_size(v.value), to_hex(jsonb_hash_extended(v.value, 0)))) END),
           coalesce(sum(v.weight) FILTER (WHERE NOT v.large), 0)
      INTO result, kept
      FROM (SELECT e.key, e.value, w.weight,
                   -- Of a key the replacement may not depend on the rest of the row: with it the row is found.
                   CASE WHEN e.key = ANY (keys) THEN pg_column_size(e.value) > ${UNCHECKED} ELSE w.weight > limit_now END AS large
              FROM jsonb_each(plain) AS e, LATERAL (SELECT ${weigh}(e.value, ${LARGEST_TEXT}) AS weight) AS w) AS v;
    EXIT WHEN kept <= ${LARGEST_ROW};
  END LOOP;
  RETURN result;
END
`;
}

/** What stands in the place of a text that is too large; function calls alone, for no operator bears its schema. */
export function largeSql(text: string): string {
  const bytes = `pg_catalog.octet_length(${text})`;
  const hash = `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8')), 'hex')`;
  return `pg_catalog.format('[too large: %s bytes, sha256 %s]', ${bytes}, ${hash})`;
}

/** The application's user, for functions whose names are looked up in pg_catalog alone. */
export const userSql = (): string => {
  const given = `current_setting(${literal(USER_SETTING)}, true)`;
  return `CASE WHEN octet_length(${given}) > ${LONGEST_USER} THEN ${largeSql(given)} ELSE nullif(${given}, '') END`;
};
