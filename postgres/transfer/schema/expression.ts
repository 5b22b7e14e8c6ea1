import type { SqliteToken } from '../source/sqlTokens';

/** An expression of SQLite's, as far as it is read here. */
export type Expression =
  | { kind: 'number'; text: string }
  | { kind: 'string'; value: string }
  | { kind: 'blob'; hex: string }
  | { kind: 'word'; word: string }
  | { kind: 'column'; name: string }
  | { kind: 'unary'; operator: '-' | '+' | '~' | 'not'; operand: Expression }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression }
  | { kind: 'in'; operand: Expression; items: Expression[] }
  | { kind: 'pattern'; operator: 'like' | 'glob'; operand: Expression; pattern: Expression; escape?: Expression }
  | { kind: 'case'; base?: Expression; branches: { when: Expression; then: Expression }[]; otherwise?: Expression }
  | { kind: 'call'; name: string; parameters: Expression[] }
  | { kind: 'cast'; operand: Expression; type: string }
  | { kind: 'collate'; operand: Expression; collation: string };

/** What PostgreSQL has no equal of, or what is not read here; the message completes "left out, since it ...". */
export class Untranslatable extends Error {}

const DEEPEST = 100;
/** From the weakest, as sqlite.org/lang_expr.html orders them; the third level has NOT, IN, LIKE and the like beside these. */
const LEVELS: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['=', '==', '<>', '!=', 'is'],
  ['<', '<=', '>', '>='],
  ['&', '|', '<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
  ['||', '->', '->>'],
];
const EQUALITY = 2;
const TWO = new Set(['==', '<>', '!=', '<=', '>=', '||', '<<', '>>', '->']);
/** Names without a value of their own; anything else that is no keyword is a column. */
const WORDS = new Set(['null', 'true', 'false', 'current_timestamp', 'current_date', 'current_time']);
const KEYWORDS = new Set(
  'and or not is in like glob match regexp between isnull notnull case when then else end cast collate exists select from where escape'.split(
    ' ',
  ),
);

/** Reads a whole expression; throws Untranslatable where there is something else. */
export function parseExpression(tokens: readonly SqliteToken[]): Expression {
  return new Parser(joined(tokens)).whole();
}

/** Symbols of two characters, numbers with a point in front or a sign in the exponent: one token each. */
function joined(tokens: readonly SqliteToken[]): SqliteToken[] {
  const all: SqliteToken[] = [];
  for (const token of tokens) {
    const last = all.at(-1);
    const isNext = last?.end === token.start;
    if (last !== undefined && isNext && isOne(last, token))
      all[all.length - 1] = {
        ...last,
        kind: last.kind === 'symbol' && token.kind === 'number' ? 'number' : last.kind,
        text: last.text + token.text,
        end: token.end,
      };
    else all.push(token);
  }
  return all;
}

function isOne(last: SqliteToken, token: SqliteToken): boolean {
  if (last.kind === 'symbol' && token.kind === 'symbol')
    return TWO.has(last.text + token.text) || last.text + token.text === '->>';
  if (last.kind === 'symbol' && last.text === '.') return token.kind === 'number';
  if (last.kind !== 'number' || /^0x/i.test(last.text)) return false;
  return /e$/i.test(last.text) ? /^[+-]$/.test(token.text) : /e[+-]$/i.test(last.text) && token.kind === 'number';
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly SqliteToken[]) {}

  whole(): Expression {
    const found = this.level(0);
    if (this.at < this.tokens.length) this.fail();
    return found;
  }

  private level(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.collated();
    this.deeper();
    let left = level === EQUALITY && this.take('not') ? this.not(level) : this.level(level + 1);
    for (;;) {
      const operator = operators.find((one) => this.take(one));
      if (operator !== undefined) left = this.binary(operator, left, level);
      else {
        const tested = level === EQUALITY ? this.tested(left) : undefined;
        if (tested === undefined) break;
        left = tested;
      }
    }
    this.depth -= 1;
    return left;
  }

  private deeper(): void {
    if (++this.depth > DEEPEST * LEVELS.length) throw new Untranslatable('is nested too deeply');
  }

  /** NOT binds weaker than all that is on its level. */
  private not(level: number): Expression {
    return { kind: 'unary', operator: 'not', operand: this.level(level) };
  }

  private binary(operator: string, left: Expression, level: number): Expression {
    if (operator !== 'is') return { kind: 'binary', operator, left, right: this.level(level + 1) };
    const isNot = this.take('not');
    if (this.take('distinct')) {
      this.need('from');
      return this.is(left, this.level(level + 1), !isNot);
    }
    return this.is(left, this.level(level + 1), isNot);
  }

  private is(left: Expression, right: Expression, isNot: boolean): Expression {
    return { kind: 'binary', operator: isNot ? 'is not' : 'is', left, right };
  }

  /** `IN (...)`, `BETWEEN`, `LIKE`, `GLOB`, `ISNULL` and their negations. */
  private tested(operand: Expression): Expression | undefined {
    if (this.take('isnull')) return this.is(operand, NULL, false);
    if (this.take('notnull')) return this.is(operand, NULL, true);
    const isNot = this.take('not');
    if (isNot && this.take('null')) return this.is(operand, NULL, true);
    const found = this.positive(operand);
    if (found === undefined) {
      if (isNot) this.fail();
      return undefined;
    }
    return isNot ? { kind: 'unary', operator: 'not', operand: found } : found;
  }

  private positive(operand: Expression): Expression | undefined {
    if (this.take('between')) {
      const low = this.level(EQUALITY + 1);
      this.need('and');
      const high = this.level(EQUALITY + 1);
      const side = (operator: string, right: Expression): Expression => ({
        kind: 'binary',
        operator,
        left: operand,
        right,
      });
      return { kind: 'binary', operator: 'and', left: side('>=', low), right: side('<=', high) };
    }
    if (this.take('in')) {
      this.need('(');
      return { kind: 'in', operand, items: this.list() };
    }
    const operator = this.take('like') ? 'like' : this.take('glob') ? 'glob' : undefined;
    if (operator === undefined) return undefined;
    const pattern = this.level(EQUALITY + 1);
    const escape = this.take('escape') ? this.level(EQUALITY + 1) : undefined;
    return { kind: 'pattern', operator, operand, pattern, ...(escape === undefined ? {} : { escape }) };
  }

  private collated(): Expression {
    let operand = this.unary();
    while (this.take('collate')) operand = { kind: 'collate', operand, collation: this.name().toLowerCase() };
    return operand;
  }

  private unary(): Expression {
    for (const operator of ['-', '+', '~'] as const) {
      if (!this.take(operator)) continue;
      this.deeper();
      const operand = this.unary();
      this.depth -= 1;
      return { kind: 'unary', operator, operand };
    }
    return this.primary();
  }

  private primary(): Expression {
    const token = this.tokens[this.at++];
    switch (token?.kind) {
      case 'number':
        return { kind: 'number', text: token.text };
      case 'string':
        return literalOf(token.text);
      case 'name':
        return { kind: 'column', name: token.text };
      case 'word':
        return this.word(token.text);
      default:
    }
    if (token?.text !== '(') return this.fail();
    const inner = this.level(0);
    this.need(')');
    return inner;
  }

  private word(word: string): Expression {
    if (WORDS.has(word)) return { kind: 'word', word };
    if (word === 'case') return this.case();
    if (word === 'cast') {
      this.need('(');
      const operand = this.level(0);
      this.need('as');
      const type = this.name();
      this.need(')');
      return { kind: 'cast', operand, type: type.toUpperCase() };
    }
    if (KEYWORDS.has(word)) return this.fail(this.at - 1);
    if (!this.take('(')) return { kind: 'column', name: word };
    return { kind: 'call', name: word, parameters: this.list() };
  }

  private case(): Expression {
    const base = this.peek('when') ? undefined : this.level(0);
    const branches: { when: Expression; then: Expression }[] = [];
    while (this.take('when')) {
      const when = this.level(0);
      this.need('then');
      branches.push({ when, then: this.level(0) });
    }
    const otherwise = this.take('else') ? this.level(0) : undefined;
    this.need('end');
    if (branches.length === 0) return this.fail();
    return {
      kind: 'case',
      branches,
      ...(base === undefined ? {} : { base }),
      ...(otherwise === undefined ? {} : { otherwise }),
    };
  }

  /** Up to the closing parenthesis. */
  private list(): Expression[] {
    const items: Expression[] = [];
    if (this.take(')')) return items;
    do items.push(this.level(0));
    while (this.take(','));
    this.need(')');
    return items;
  }

  private name(): string {
    const token = this.tokens[this.at++];
    return token?.kind === 'word' || token?.kind === 'name' ? token.text : this.fail();
  }

  private peek(text: string): boolean {
    const token = this.tokens[this.at];
    return (token?.kind === 'word' || token?.kind === 'symbol') && token.text === text;
  }

  private take(text: string): boolean {
    const found = this.peek(text);
    if (found) this.at += 1;
    return found;
  }

  private need(text: string): void {
    if (!this.take(text)) this.fail();
  }

  private fail(at = this.at): never {
    const token = this.tokens[Math.min(at, this.tokens.length - 1)];
    throw new Untranslatable(token === undefined ? 'is empty' : `is not understood at ${JSON.stringify(token.text)}`);
  }
}

const NULL: Expression = { kind: 'word', word: 'null' };

function literalOf(raw: string): Expression {
  const hex = /^x'([0-9a-f]*)'$/i.exec(raw)?.[1];
  if (hex !== undefined) return { kind: 'blob', hex: hex.toLowerCase() };
  return { kind: 'string', value: stringOf(raw) };
}

/** `'it''s'` -> it's */
export const stringOf = (raw: string): string => raw.slice(1, -1).replaceAll("''", "'");
