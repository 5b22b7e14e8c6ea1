import { hasWords, isWord, type SqliteToken } from '../source/sqlTokens';

/** What a table or an index has beside plain columns. */
export interface Part {
  kind:
    | 'check'
    | 'collate'
    | 'generated'
    | 'default'
    | 'deferrable'
    | 'conflict'
    | 'strict'
    | 'primary'
    | 'unique'
    | 'foreign-key';
  /** The column, or those of a constraint with commas between them. Empty for what concerns the table. */
  columns: string;
  /** Where it stands in the script. */
  start: number;
}

const CONSTRAINTS = new Set(['constraint', 'primary', 'foreign', 'unique', 'check']);

/** Reads from the parenthesis of CREATE TABLE, or from the column or constraint that ALTER TABLE adds, to the statement's end. */
export function tableParts(tokens: readonly SqliteToken[], from: number): Part[] {
  const parts: Part[] = [];
  let depth = isSymbol(tokens[from], '(') ? 0 : 1;
  let column = depth === 1 ? columnName(tokens[from]) : '';
  let begun = depth === 1;
  let start = 0;
  const push = (kind: Part['kind'], columns = column): number => parts.push({ kind, columns, start });
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    start = token?.start ?? 0;
    if (token?.kind === 'symbol') {
      if (token.text === '(') depth += 1;
      if (token.text === ')') depth -= 1;
      const begins = token.text === ',' || (token.text === '(' && !begun);
      if (depth === 1 && begins) {
        begun = true;
        column = columnName(tokens[at + 1]);
      }
      continue;
    }
    if (token?.kind !== 'word') continue;
    if (depth === 0) {
      if (token.text === 'strict') push('strict', '');
      continue;
    }
    if (token.text === 'collate') push('collate');
    if (depth > 1) continue;
    const isColumn = column !== '';
    if (token.text === 'check') push('check');
    else if (token.text === 'deferrable' && !isWord(tokens[at - 1], 'not')) push('deferrable');
    else if (hasWords(tokens, at, 'on', 'conflict')) push('conflict');
    else if (token.text === 'as' && isSymbol(tokens[at + 1], '(')) push('generated');
    else if (token.text === 'default' && isExpression(tokens, at + 1)) push('default');
    else if (hasWords(tokens, at, 'primary', 'key')) push('primary', isColumn ? column : columnList(tokens, at + 2));
    else if (token.text === 'unique') push('unique', isColumn ? column : columnList(tokens, at + 1));
    else if (hasWords(tokens, at, 'foreign', 'key')) push('foreign-key', columnList(tokens, at + 2));
    else if (token.text === 'references' && isColumn) push('foreign-key');
  }
  return parts;
}

/** `a,b` of `("a", "b" DESC)`; undefined where one of them is an expression. */
export function indexColumns(tokens: readonly SqliteToken[], from: number): string | undefined {
  const columns: string[] = [];
  for (let at = from + 1; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined || (token.kind !== 'name' && token.kind !== 'word')) return undefined;
    columns.push(token.text.toLowerCase());
    at += 1;
    if (isWord(tokens[at], 'collate')) at += 2;
    if (isWord(tokens[at], 'asc') || isWord(tokens[at], 'desc')) at += 1;
    if (isSymbol(tokens[at], ')')) return columns.join();
    if (!isSymbol(tokens[at], ',')) return undefined;
  }
  return undefined;
}

/** Empty for what begins a constraint of the table. */
function columnName(token: SqliteToken | undefined): string {
  return token === undefined || (token.kind === 'word' && CONSTRAINTS.has(token.text)) ? '' : token.text;
}

export function isSymbol(token: SqliteToken | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text;
}

const columnList = (tokens: readonly SqliteToken[], from: number): string => indexColumns(tokens, from) ?? '';

/** `(datetime('now'))`, `gen_random_uuid()`; no literal and no CURRENT_TIMESTAMP. */
function isExpression(tokens: readonly SqliteToken[], at: number): boolean {
  return isSymbol(tokens[at], '(') || (tokens[at]?.kind === 'word' && isSymbol(tokens[at + 1], '('));
}
