/**
 * SQLite's lexical rules (sqlite.org/lang_keywords.html, lang_comment.html), as far as reading a migration asks for them: four kinds of
 * quotes, comments that do not nest, and triggers with statements inside.
 */

export type SqliteTokenKind = 'word' | 'name' | 'string' | 'number' | 'symbol';

export interface SqliteToken {
  kind: SqliteTokenKind;
  /** A word in lower case, a quoted name without its quotes, anything else as it is written. */
  text: string;
  start: number;
  /** Exclusive. */
  end: number;
}

export interface SqliteStatement {
  tokens: SqliteToken[];
  /** Where it begins, from 1. */
  line: number;
  /** Its first line. */
  excerpt: string;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<blank>\s+|--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<string>[xX]?'[^']*(?:''[^']*)*(?:'|$))`,
    '(?<name>"[^"]*(?:""[^"]*)*(?:"|$)|`[^`]*(?:``[^`]*)*(?:`|$)|\\[[^\\]]*(?:\\]|$))',
    String.raw`(?<number>[0-9][0-9A-Za-z_.]*)`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<symbol>[\s\S])`,
  ].join('|'),
  'y',
);
const KINDS = ['string', 'name', 'number', 'word', 'symbol'] as const;

/** The statements of a script, without their semicolons. */
export function sqliteStatements(sql: string): SqliteStatement[] {
  const statements: SqliteStatement[] = [];
  let tokens: SqliteToken[] = [];
  let line = 1;
  let counted = 0;
  const finish = (): void => {
    const first = tokens[0];
    if (first === undefined) return;
    line += lineBreaks(sql.slice(counted, first.start));
    counted = first.start;
    statements.push({ tokens, line, excerpt: lineFrom(sql, first.start) });
    tokens = [];
  };
  for (const token of sqliteTokens(sql)) {
    if (token.text !== ';' || token.kind !== 'symbol' || isInsideTrigger(tokens)) tokens.push(token);
    else finish();
  }
  finish();
  return statements;
}

export function sqliteTokens(sql: string): SqliteToken[] {
  const tokens: SqliteToken[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    const kind = KINDS.find((one) => match?.groups?.[one] !== undefined);
    if (kind === undefined) continue;
    tokens.push({ kind, text: textOf(kind, match[0]), start: match.index, end: match.index + match[0].length });
  }
  return tokens;
}

/** Whether the statement has these words one after the other, from the token `at`. */
export function hasWords(tokens: readonly SqliteToken[], at: number, ...words: string[]): boolean {
  return words.every((word, index) => isWord(tokens[at + index], word));
}

export function isWord(token: SqliteToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text === word;
}

function textOf(kind: SqliteTokenKind, raw: string): string {
  if (kind === 'word') return raw.toLowerCase();
  if (kind !== 'name') return raw;
  const quote = raw.charAt(0);
  return raw.slice(1, -1).replaceAll(quote + quote, quote);
}

/** As sqlite3_complete() has it: a trigger ends with `; END;`. */
function isInsideTrigger(tokens: readonly SqliteToken[]): boolean {
  if (!isWord(tokens[0], 'create')) return false;
  const second = tokens[1]?.text;
  if (!isWord(tokens[second === 'temp' || second === 'temporary' ? 2 : 1], 'trigger')) return false;
  return !(isWord(tokens.at(-1), 'end') && tokens.at(-2)?.text === ';');
}

/** The number of the line that holds an offset, from 1, and its text. */
export function lineWith(sql: string, offset: number): { line: number; excerpt: string } {
  const before = sql.slice(0, offset);
  return { line: lineBreaks(before) + 1, excerpt: lineFrom(sql, before.lastIndexOf('\n') + 1) };
}

function lineBreaks(text: string): number {
  return text.split('\n').length - 1;
}

function lineFrom(sql: string, start: number): string {
  const end = sql.indexOf('\n', start);
  const line = sql.slice(start, end === -1 ? sql.length : end).trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
