import { isSymbol } from '../prepare/tableParts';
import { sqliteTokens } from '../source/sqlTokens';
import { assign } from './assign';
import { type Expression, parseExpression, Untranslatable } from './expression';
import { type ColumnKind, TYPES } from './kinds';
import { closing } from './tableSql';
import { translate } from './translate';

const UTC = `(now() AT TIME ZONE 'UTC')`;
type Format = Partial<Record<ColumnKind, string>>;

const TIMESTAMP: Format = {
  timestamp: `date_trunc('second', ${UTC})`,
  text: `to_char(${UTC}, 'YYYY-MM-DD HH24:MI:SS')`,
};
const DATE: Format = {
  date: `${UTC}::date`,
  timestamp: `date_trunc('day', ${UTC})`,
  text: `to_char(${UTC}, 'YYYY-MM-DD')`,
};
const TIME: Format = { time: `date_trunc('second', ${UTC})::time`, text: `to_char(${UTC}, 'HH24:MI:SS')` };
const SECONDS: Format = {
  integer: 'floor(extract(epoch FROM now()))::bigint',
  numeric: 'floor(extract(epoch FROM now()))',
  text: 'floor(extract(epoch FROM now()))::text',
};
const MILLISECONDS: Format = { integer: 'floor(extract(epoch FROM now()) * 1000)::bigint' };
const ISO: Format = {
  timestamp: `date_trunc('milliseconds', ${UTC})`,
  text: `to_char(${UTC}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
};
const FRACTIONS: Format = { timestamp: ISO.timestamp ?? '', text: `to_char(${UTC}, 'YYYY-MM-DD HH24:MI:SS.MS')` };
const RANDOM_ID = `replace(gen_random_uuid()::text, '-', '')`;

/** Defaults that are no constant, as people write them, without blanks. */
const KNOWN: Readonly<Record<string, Format>> = {
  current_timestamp: TIMESTAMP,
  "datetime('now')": TIMESTAMP,
  current_date: DATE,
  "date('now')": DATE,
  current_time: TIME,
  "time('now')": TIME,
  'unixepoch()': SECONDS,
  "unixepoch('now')": SECONDS,
  "strftime('%s','now')": SECONDS,
  "cast(strftime('%s','now')asinteger)": SECONDS,
  "cast(strftime('%s','now')asint)": SECONDS,
  'unixepoch()*1000': MILLISECONDS,
  "unixepoch('now')*1000": MILLISECONDS,
  "strftime('%s','now')*1000": MILLISECONDS,
  "cast(strftime('%s','now')asinteger)*1000": MILLISECONDS,
  "strftime('%Y-%m-%dT%H:%M:%fZ','now')": ISO,
  "strftime('%Y-%m-%d %H:%M:%f','now')": FRACTIONS,
  'lower(hex(randomblob(16)))': { text: RANDOM_ID },
  'hex(randomblob(16))': { text: `upper(${RANDOM_ID})` },
};

/** The default of a column in PostgreSQL's words; throws Untranslatable. */
export function defaultOf(sql: string, kind: ColumnKind): string {
  const known = knownDefault(sql);
  if (known !== undefined) {
    const found = known[kind];
    if (found === undefined) throw new Untranslatable(`does not give a ${TYPES[kind]}`);
    return found;
  }
  // SQLite takes a bare name, with double quotes or without, for a text.
  const expression = withTexts(parseExpression(sqliteTokens(sql)));
  if (expression.kind === 'string') return textDefault(expression.value, kind);
  const value = translate(expression, { column: () => undefined });
  return value.kind === 'null' ? 'NULL' : assign(value, kind);
}

function knownDefault(sql: string): Format | undefined {
  let tokens = sqliteTokens(sql);
  while (isSymbol(tokens[0], '(') && closing(tokens, 0) === tokens.length - 1) tokens = tokens.slice(1, -1);
  const text = tokens.map((token) => (token.kind === 'name' ? '"' : token.text)).join('');
  return Object.hasOwn(KNOWN, text) ? KNOWN[text] : undefined;
}

const withTexts = (expression: Expression): Expression =>
  expression.kind === 'column' ? { kind: 'string', value: expression.name } : expression;

function textDefault(text: string, kind: ColumnKind): string {
  const value = translate({ kind: 'string', value: text }, { column: () => undefined });
  if (kind === 'text') return value.sql;
  const trimmed = text.trim();
  const isNumber = /^[+-]?\d{1,18}$/.test(trimmed) || (kind !== 'integer' && /^[+-]?\d{1,18}\.\d{1,18}$/.test(trimmed));
  if (['integer', 'float', 'numeric'].includes(kind) && isNumber) return `${value.sql}::${TYPES[kind]}`;
  if (kind === 'boolean' && /^(true|false|t|f|0|1)$/i.test(trimmed))
    return /^(true|t|1)$/i.test(trimmed) ? 'TRUE' : 'FALSE';
  if (kind === 'date' && /^\d{4}-\d\d-\d\d$/.test(text) && isDate(text)) return `${value.sql}::date`;
  if (
    kind === 'timestamp' &&
    /^\d{4}-\d\d-\d\d([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?$/.test(text) &&
    isDate(text)
  )
    return `${value.sql}::timestamp`;
  if (kind === 'json' && isJson(text)) return `${value.sql}::jsonb`;
  throw new Untranslatable(`is the text ${JSON.stringify(text)}, no ${TYPES[kind]}`);
}

const isDate = (text: string): boolean => {
  const day = text.slice(0, 10);
  const time = new Date(`${day}T00:00:00Z`);
  return day >= '0001' && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
};

/** Escapes of JSON that jsonb refuses are left out. */
function isJson(text: string): boolean {
  if (text.includes('\\u')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
