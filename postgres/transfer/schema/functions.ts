import { Untranslatable } from './expression';
import type { ValueKind } from './kinds';
import { boolean, oneKind, type Translated } from './translated';

const STORAGE: Partial<Record<ValueKind, string>> = {
  integer: 'integer',
  boolean: 'integer',
  float: 'real',
  text: 'text',
  bytes: 'blob',
};

/** A function of SQLite's that PostgreSQL has, of values it does the same with. */
export function callOf(name: string, parameters: readonly Translated[]): Translated {
  const [first, second] = parameters;
  const kinds = parameters.map(({ kind }) => kind).join();
  const sql = parameters.map((parameter) => parameter.sql);
  switch (`${name} ${kinds}`) {
    case 'length text':
      return { sql: `length(${sql[0]})`, kind: 'integer', isNarrow: true };
    case 'length bytes':
      return { sql: `octet_length(${sql[0]})`, kind: 'integer', isNarrow: true };
    case 'lower text':
    case 'upper text':
      return { sql: `${name}(${sql[0]} COLLATE "C")`, kind: 'text' };
    case 'trim text':
    case 'ltrim text':
    case 'rtrim text':
      return { sql: `${name === 'trim' ? 'btrim' : name}(${sql[0]}, ' ')`, kind: 'text' };
    case 'replace text,text,text':
      return { sql: `replace(${sql.join(', ')})`, kind: 'text' };
    case 'instr text,text':
      return { sql: `strpos(${sql.join(', ')})`, kind: 'integer', isNarrow: true };
    case 'abs integer':
    case 'abs float':
      return { sql: `abs(${sql[0]})`, kind: first?.kind ?? 'integer' };
    default:
  }
  const isBinary = parameters.every(({ collation = 'binary' }) => collation === 'binary');
  if (first === undefined) throw unknown(name, kinds);
  if (name === 'typeof' && parameters.length === 1 && STORAGE[first.kind] !== undefined)
    return { sql: `(CASE WHEN ${first.sql} IS NULL THEN 'null' ELSE '${STORAGE[first.kind]}' END)`, kind: 'text' };
  // A column of jsonb holds nothing else.
  if (name === 'json_valid' && kinds === 'json') return boolean(`${first.sql} IS NOT NULL OR NULL`);
  if ((name === 'substr' || name === 'substring') && first.kind === 'text') return substring(parameters, name, kinds);
  if ((name === 'coalesce' || name === 'ifnull') && parameters.length > 1)
    return { sql: `coalesce(${sql.join(', ')})`, kind: oneKind(parameters) };
  if (
    name === 'nullif' &&
    parameters.length === 2 &&
    first.kind === second?.kind &&
    isBinary &&
    STORAGE[first.kind] !== undefined
  )
    return { sql: `nullif(${sql.join(', ')})`, kind: first.kind };
  throw unknown(name, kinds);
}

/** Places before the first character count otherwise. */
function substring(parameters: readonly Translated[], name: string, kinds: string): Translated {
  const [text, ...numbers] = parameters;
  const isPlain =
    numbers.length > 0 && numbers.length < 3 && numbers.every(({ literal }) => /^\d{1,9}$/.test(literal ?? ''));
  if (!isPlain || numbers[0]?.literal === '0') throw unknown(name, kinds);
  return { sql: `substr(${[text?.sql, ...numbers.map(({ literal }) => literal)].join(', ')})`, kind: 'text' };
}

const unknown = (name: string, kinds: string): Untranslatable =>
  new Untranslatable(`calls ${name}(${kinds.replaceAll(',', ', ')})`);
