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

/**
 * The tokens of `sql` between two offsets, without white space and comments. An open quote or comment at the end is one `unterminated`
 * token.
 */
export function tokenize(sql: string, from = 0, to = sql.length): Token[] {
  const tokens: Token[] = [];
  let at = from;
  const push = (kind: TokenKind, end: number, text = ''): void => {
    tokens.push({ kind, start: at, end, text });
    at = end;
  };
  const pushUntil = (kind: TokenKind, end: number | undefined): void =>
    end === undefined ? push('unterminated', to) : push(kind, end);

  while (at < to) {
    const char = sql.charAt(at);
    if (WHITE_SPACE.includes(char)) {
      at += 1;
    } else if (sql.startsWith('--', at)) {
      at = endOfLine(sql, at);
    } else if (sql.startsWith('/*', at)) {
      const end = endOfComment(sql, at);
      if (end === undefined) push('unterminated', to);
      else at = end;
    } else if (char === "'") {
      pushUntil('string', endOfQuote(sql, at + 1, "'"));
    } else if (char === '"') {
      pushUntil('quoted', endOfQuote(sql, at + 1, '"'));
    } else if (char === '$') {
      const opening = dollarQuoteAt(sql, at);
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

export function dollarQuoteAt(sql: string, at: number): string | undefined {
  return match(DOLLAR_QUOTE, sql, at);
}

/** The word that begins at the offset, in lower case; empty where none does. */
export function wordAt(sql: string, at: number): string {
  return match(WORD, sql, at)?.toLowerCase() ?? '';
}

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}

export function endOfLine(sql: string, at: number): number {
  const rest = /[\r\n]/g;
  rest.lastIndex = at;
  return rest.exec(sql)?.index ?? sql.length;
}

/** Comments nest, unlike in C. */
export function endOfComment(sql: string, at: number): number | undefined {
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
export function endOfQuote(sql: string, from: number, quote: string): number | undefined {
  for (let at = sql.indexOf(quote, from); at !== -1; at = sql.indexOf(quote, at + 2))
    if (sql.charAt(at + 1) !== quote) return at + 1;
  return undefined;
}

/** A quote goes on behind white space with a line break, and what began as E'' still takes backslashes there. */
const CONTINUED = /(?:[ \t\f\v]|--[^\r\n]*)*[\r\n](?:[ \t\n\r\f\v]|--[^\r\n]*[\r\n])*'/y;

/** E'...' with all its continuations; `from` is behind the opening quote. */
export function endOfEscapeString(sql: string, from: number): number | undefined {
  const marks = /\\[^]|''|'/g;
  marks.lastIndex = from;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    if (mark[0] !== "'") continue;
    const continued = match(CONTINUED, sql, marks.lastIndex);
    if (continued === undefined) return marks.lastIndex;
    marks.lastIndex += continued.length;
  }
  return undefined;
}

export function endOfDollarQuote(sql: string, at: number, opening: string): number | undefined {
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
  if (prefix === 'e' && next === "'") return { kind: 'string', end: endOfEscapeString(sql, at + 2) };
  if (['b', 'x', 'n'].includes(prefix) && next === "'") return { kind: 'string', end: endOfQuote(sql, at + 2, "'") };
  const quote = sql.charAt(at + 2);
  if (prefix === 'u' && next === '&' && (quote === "'" || quote === '"'))
    return { kind: quote === '"' ? 'quoted' : 'string', end: endOfQuote(sql, at + 3, quote) };
  return undefined;
}
