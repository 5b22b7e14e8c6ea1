import {
  dollarQuoteAt,
  endOfComment,
  endOfDollarQuote,
  endOfEscapeString,
  endOfLine,
  endOfQuote,
  type Token,
  tokenize,
  wordAt,
} from './tokens';

/** One statement of a script, without its semicolon. Offsets are UTF-16 units of the script. */
export interface Statement {
  start: number;
  /** Exclusive. */
  end: number;
  /** Of a statement that only reads or writes rows, none: there can be very many, and they decide nothing. */
  tokens: Token[];
  /** Where the quote or comment begins that is still open at the script's end. */
  openAt?: number;
}

const ROWS = new Set(['insert', 'update', 'delete', 'select', 'values', 'with', 'merge']);
const IDENTIFIER = /[A-Za-z0-9_$\u0080-\uffff]/;

/** By character code: 1 for white space, 2 for what ends a statement or may hide its end, 0 for the rest. */
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (' \t\n\r\f\v'.includes(char)) return 1;
  return `'"$;()-/`.includes(char) ? 2 : 0;
});

/**
 * The statements of a script, as psql cuts them: at semicolons outside parentheses (CREATE RULE holds statements in them)
 * and outside the BEGIN ATOMIC ... END body of an SQL-standard function. One pass, in linear time.
 */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let at = 0;
  /** -1: before the first character of a statement. */
  let start = -1;
  let end = 0;
  let parentheses = 0;
  let body: RoutineBody | undefined;
  /** End of the last quote: what stands before it is part of no word behind it. */
  let quoted = 0;

  const finish = (openAt?: number): void => {
    if (start !== -1) statements.push(statementOf(sql, start, end, openAt));
    start = -1;
    parentheses = 0;
    body = undefined;
  };
  /** Up to the quote's end, or all the rest where it stays open. */
  const quote = (to: number | undefined): void => {
    const from = at;
    if (start === -1) start = at;
    at = end = quoted = to ?? sql.length;
    if (to === undefined) finish(from);
  };
  /** One character that is what it is. */
  const plain = (): void => {
    if (start === -1) start = at;
    at += 1;
    end = at;
  };

  while (at < sql.length) {
    const kind = CLASSES[sql.charCodeAt(at)] ?? 0;
    if (kind === 0) plain();
    else if (kind === 1) at += 1;
    else {
      const char = sql.charAt(at);
      if (char === '-' && sql.charAt(at + 1) === '-') at = endOfLine(sql, at);
      else if (char === '/' && sql.charAt(at + 1) === '*') {
        const behind = endOfComment(sql, at);
        if (behind === undefined) quote(undefined);
        else at = behind;
      } else if (char === "'") {
        quote(isEscapeString(sql, at, quoted) ? endOfEscapeString(sql, at + 1) : endOfQuote(sql, at + 1, "'"));
      } else if (char === '"') {
        quote(endOfQuote(sql, at + 1, '"'));
      } else if (char === '$') {
        if (start === -1) start = at;
        const word = endOfIdentifier(sql, at, quoted);
        const opening = word === undefined ? dollarQuoteAt(sql, at) : undefined;
        if (opening !== undefined) quote(endOfDollarQuote(sql, at, opening));
        else at = end = word ?? at + 1;
      } else if (char === ';') {
        if (start !== -1 && (parentheses > 0 || (body ??= new RoutineBody(sql, start)).isOpen(at))) plain();
        else {
          finish();
          at += 1;
        }
      } else {
        if (char === '(') parentheses += 1;
        else if (char === ')') parentheses = Math.max(0, parentheses - 1);
        plain();
      }
    }
  }
  finish();
  return statements;
}

/** The statement's first words in lower case, at most `count`, up to the first token that is not a word. */
export function leadingWords(statement: Statement, count = 4): string[] {
  const words: string[] = [];
  for (const token of statement.tokens.slice(0, count)) {
    if (token.kind !== 'word') break;
    words.push(token.text);
  }
  return words;
}

function statementOf(sql: string, start: number, end: number, openAt: number | undefined): Statement {
  const tokens = ROWS.has(wordAt(sql, start)) ? [] : tokenize(sql, start, end);
  return { start, end, tokens, ...(openAt === undefined ? {} : { openAt }) };
}

/** Follows BEGIN ATOMIC ... END through a statement, from one semicolon to the next. */
class RoutineBody {
  private readonly head: string[] = [];
  private readonly creates: boolean;
  private blocks = 0;
  private parentheses = 0;

  /** `read`: how far the statement was followed, at first its start. */
  constructor(
    private readonly sql: string,
    private read: number,
  ) {
    this.creates = wordAt(sql, read) === 'create';
  }

  /** Whether the semicolon at `to` stands inside the body of a routine that the statement makes. */
  isOpen(to: number): boolean {
    if (!this.creates) return false;
    const tokens = tokenize(this.sql, this.read, to);
    this.read = to;
    tokens.forEach((token, index) => {
      if (this.head.length < 4) this.head.push(token.text);
      if (token.text === '(') this.parentheses += 1;
      else if (token.text === ')') this.parentheses = Math.max(0, this.parentheses - 1);
      else if (token.kind === 'word' && this.parentheses === 0 && this.makesRoutine()) {
        if (token.text === 'begin' && tokens[index + 1]?.text === 'atomic') this.blocks += 1;
        else if (token.text === 'case' && this.blocks > 0) this.blocks += 1;
        else if (token.text === 'end' && this.blocks > 0) this.blocks -= 1;
      }
    });
    return this.blocks > 0;
  }

  private makesRoutine(): boolean {
    const [, second, third, fourth] = this.head;
    const kind = second === 'or' && third === 'replace' ? fourth : second;
    return kind === 'function' || kind === 'procedure';
  }
}

/** E before the quote, as a word of its own. */
function isEscapeString(sql: string, at: number, floor: number): boolean {
  if (at - 1 < floor || sql.charAt(at - 1).toLowerCase() !== 'e') return false;
  return at - 2 < floor || !IDENTIFIER.test(sql.charAt(at - 2));
}

/** Where the word ends that the dollar sign is part of; undefined where it is part of none (a number is no word). */
function endOfIdentifier(sql: string, at: number, floor: number): number | undefined {
  let begin = at;
  while (begin > floor && IDENTIFIER.test(sql.charAt(begin - 1))) begin -= 1;
  if (begin === at || /[0-9$]/.test(sql.charAt(begin))) return undefined;
  let end = at;
  while (end < sql.length && IDENTIFIER.test(sql.charAt(end))) end += 1;
  return end;
}
