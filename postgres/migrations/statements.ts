import { type Token, tokenize } from './tokens';

/** One statement of a script, without its semicolon. Offsets are UTF-16 units of the script. */
export interface Statement {
  start: number;
  /** Exclusive. */
  end: number;
  tokens: Token[];
  /** Ends inside an open quote or comment. */
  unterminated: boolean;
}

/**
 * The statements of a script, as psql cuts them: at semicolons outside parentheses (CREATE RULE holds statements in them)
 * and outside the BEGIN ATOMIC ... END body of an SQL-standard function.
 */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let current: Token[] = [];
  let parentheses = 0;
  let blocks = 0;
  const finish = (): void => {
    const first = current[0];
    const last = current.at(-1);
    if (first !== undefined && last !== undefined) {
      const unterminated = last.kind === 'unterminated';
      statements.push({ start: first.start, end: last.end, tokens: current, unterminated });
    }
    current = [];
    parentheses = 0;
    blocks = 0;
  };

  const tokens = tokenize(sql);
  tokens.forEach((token, index) => {
    if (token.text === ';' && parentheses === 0 && blocks === 0) return finish();
    current.push(token);
    if (token.text === '(') parentheses += 1;
    else if (token.text === ')') parentheses = Math.max(0, parentheses - 1);
    else if (token.kind === 'word' && parentheses === 0 && createsRoutine(current)) {
      if (token.text === 'begin' && tokens[index + 1]?.text === 'atomic') blocks += 1;
      else if (token.text === 'case' && blocks > 0) blocks += 1;
      else if (token.text === 'end' && blocks > 0) blocks -= 1;
    }
  });
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

function createsRoutine(tokens: Token[]): boolean {
  const words = tokens.slice(0, 4).map((token) => token.text);
  const kind = words[1] === 'or' && words[2] === 'replace' ? words[3] : words[1];
  return words[0] === 'create' && (kind === 'function' || kind === 'procedure');
}
