/**
 * PostgreSQL's lexical rules, as far as finding where a statement ends asks for them (PostgreSQL manual, 4.1 "Lexical
 * Structure", with standard_conforming_strings on). Offsets are UTF-16 units of the text.
 */

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'unterminated';

export interface Token {
  kind: TokenKind;
  start: number;
  /** Exclusive. */
  end: number;
  /** A word in lower case, a symbol as it is; otherwise empty. */
  text: string;
}

/** Not JavaScript's: a no-break space is part of a word to PostgreSQL. */
const WHITE_SPACE = ' \t\n\r\f\v';
const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /[0-9][0-9A-Za-z_.]*/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** The tokens of `sql` without white space and comments. An open quote or comment at the end is one `unterminated` token. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: TokenKind, end: number, text = ''): void => {
    tokens.push({ kind, start: at, end, text });
    at = end;
  };
  const pushUntil = (kind: TokenKind, end: number | undefined): void =>
    end === undefined ? push('unterminated', sql.length) : push(kind, end);

  while (at < sql.length) {
    const char = sql.charAt(at);
    if (WHITE_SPACE.includes(char)) {
      at += 1;
    } else if (sql.startsWith('--', at)) {
      at = endOfLine(sql, at);
    } else if (sql.startsWith('/*', at)) {
      const end = endOfComment(sql, at);
      if (end === undefined) push('unterminated', sql.length);
      else at = end;
    } else if (char === "'") {
      pushUntil('string', endOfQuote(sql, at + 1, "'"));
    } else if (char === '"') {
      pushUntil('quoted', endOfQuote(sql, at + 1, '"'));
    } else if (char === '$') {
      const opening = match(DOLLAR_QUOTE, sql, at);
      if (opening === undefined) push('symbol', at + 1, char);
      else pushUntil('string', endOfDollarQuote(sql, at, opening));
    } else if (WORD_START.test(char)) {
      const word = match(WORD, sql, at) ?? char;
      const prefixed = prefixedQuote(sql, at, word);
      if (prefixed === undefined) push('word', at + word.length, word.toLowerCase());
      else pushUntil(prefixed.kind, prefixed.end);
    } else if (/[0-9]/.test(char)) {
      push('number', at + (match(NUMBER, sql, at) ?? char).length);
    } else {
      push('symbol', at + 1, char);
    }
  }
  return tokens;
}

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}

function endOfLine(sql: string, at: number): number {
  const rest = /[\r\n]/g;
  rest.lastIndex = at;
  return rest.exec(sql)?.index ?? sql.length;
}

/** Comments nest, unlike in C. */
function endOfComment(sql: string, at: number): number | undefined {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = at;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return undefined;
}

/** `from` is behind the opening quote; a doubled quote stands for one. */
function endOfQuote(sql: string, from: number, quote: string, backslashes = false): number | undefined {
  for (let at = from; at < sql.length; at += 1) {
    const char = sql.charAt(at);
    if (backslashes && char === '\\') at += 1;
    else if (char === quote) {
      if (sql.charAt(at + 1) !== quote) return at + 1;
      at += 1;
    }
  }
  return undefined;
}

function endOfDollarQuote(sql: string, at: number, opening: string): number | undefined {
  const closing = sql.indexOf(opening, at + opening.length);
  return closing === -1 ? undefined : closing + opening.length;
}

/** E'', B'', X'', N'' and U&'', U&"": the prefix belongs to the quote, and only E takes backslashes. */
function prefixedQuote(
  sql: string,
  at: number,
  word: string,
): { kind: TokenKind; end: number | undefined } | undefined {
  const prefix = word.toLowerCase();
  const next = sql.charAt(at + word.length);
  if (['e', 'b', 'x', 'n'].includes(prefix) && next === "'")
    return { kind: 'string', end: endOfQuote(sql, at + 2, "'", prefix === 'e') };
  const quote = sql.charAt(at + 2);
  if (prefix === 'u' && next === '&' && (quote === "'" || quote === '"'))
    return { kind: quote === '"' ? 'quoted' : 'string', end: endOfQuote(sql, at + 3, quote) };
  return undefined;
}
