import type { Problem } from '../../../system/errors';
import { isWord, sqliteStatements, type SqliteToken } from '../source/sqlTokens';
import { SqliteHistory } from './sqliteHistory';

/** Bytes of a name that PostgreSQL keeps. */
const NAME_BYTES = 63;
/** Columns that every table has (PostgreSQL manual, 5.6 "System Columns"). */
const SYSTEM_COLUMNS = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

interface Name {
  name: string;
  what: string;
}

export interface NameCheck {
  problems: Problem[];
  /** Names that PostgreSQL cuts without their meeting another. */
  notes: string[];
}

/**
 * What PostgreSQL refuses of a baseline's names: tables, indexes, keys and types share one set of them, the columns of a table another, and
 * from the 64th byte on they are cut.
 */
export function baselineNames(sql: string): NameCheck {
  const statements = sqliteStatements(sql);
  const check: NameCheck = { problems: [], notes: [] };
  compare([...tablesAndIndexes(sql), ...statements.flatMap(({ tokens }) => keyOrType(tokens))], check);
  for (const { tokens } of statements) {
    if (!isWord(tokens[0], 'create') || !isWord(tokens[1], 'table')) continue;
    const table = tokens[2]?.text ?? '';
    const columns = columnsOf(tokens);
    compare(
      columns.map((name) => ({ name, what: `column of ${table}` })),
      check,
    );
    for (const name of columns.filter((column) => SYSTEM_COLUMNS.has(column)))
      check.problems.push(
        problem(name, `Every table of PostgreSQL has a column ${name} of its own, and so has ${table}.`),
      );
  }
  return check;
}

function compare(names: readonly Name[], { problems, notes }: NameCheck): void {
  const seen = new Map<string, string>();
  for (const { name, what } of names) {
    const shown = `the ${what} ${name}`;
    const cut = cutName(name);
    const other = seen.get(cut);
    if (other !== undefined)
      problems.push(
        problem(
          name,
          `In PostgreSQL ${shown} and ${other} would both be called ${cut} (of a name ${NAME_BYTES} bytes count).`,
        ),
      );
    else if (cut !== name) notes.push(`PostgreSQL cuts ${shown} to ${cut}: of a name ${NAME_BYTES} bytes count.`);
    seen.set(cut, shown);
  }
}

function problem(name: string, message: string): Problem {
  return {
    code: 'schema-name',
    message,
    remedy:
      'Give one of them another name in the schema (`@map`, `@@map`, `map:` of a key), commit that, and run again.',
    object: name,
  };
}

function tablesAndIndexes(sql: string): Name[] {
  return new SqliteHistory([{ path: '', sql }]).made.flatMap(({ kind, table, name }) => {
    if (kind === 'table') return [{ name: table, what: 'table' }];
    return name === undefined ? [] : [{ name, what: 'index' }];
  });
}

function keyOrType(tokens: readonly SqliteToken[]): Name[] {
  if (isWord(tokens[0], 'create') && isWord(tokens[1], 'type')) return [{ name: tokens[2]?.text ?? '', what: 'type' }];
  const at = tokens.findIndex((token, index) => isWord(token, 'constraint') && isWord(tokens[index + 2], 'primary'));
  return at < 0 ? [] : [{ name: tokens[at + 1]?.text ?? '', what: 'primary key' }];
}

/** Of a CREATE TABLE as Prisma writes it. */
function columnsOf(tokens: readonly SqliteToken[]): string[] {
  let depth = 0;
  return tokens.flatMap((token, at) => {
    const before = tokens[at - 1]?.text;
    if (token.kind === 'symbol' && token.text === '(') depth += 1;
    if (token.kind === 'symbol' && token.text === ')') depth -= 1;
    return depth === 1 && token.kind === 'name' && (before === '(' || before === ',') ? [token.text] : [];
  });
}

/** As PostgreSQL cuts: between characters. */
function cutName(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES) return name;
  let end = NAME_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}
