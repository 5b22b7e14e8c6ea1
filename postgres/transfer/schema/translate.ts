import { quoteIdentifier, quoteLiteral } from '../../connection/quote';
import { type Expression, Untranslatable } from './expression';
import { callOf } from './functions';
import type { Collation, ValueKind } from './kinds';
import { globPattern } from './patterns';
import { boolean, oneKind, type Translated } from './translated';

/** What an expression may refer to. */
export interface Scope {
  column(name: string): { name: string; kind: ValueKind; collation: Collation } | undefined;
}

const NUMBERS = new Set<ValueKind>(['integer', 'float', 'numeric']);
const LARGEST = 2n ** 63n - 1n;

/**
 * The same in PostgreSQL's words, every name and literal quoted anew; throws Untranslatable where it could mean something else. All of it is
 * immutable, as indexes and generated columns ask.
 */
export function translate(expression: Expression, scope: Scope): Translated {
  const of = (each: Expression): Translated => translate(each, scope);
  switch (expression.kind) {
    case 'number':
      return numberOf(expression.text);
    case 'string':
      return { sql: quoteLiteral(expression.value).trim(), kind: 'text' };
    case 'blob':
      return { sql: `${quoteLiteral(`\\x${expression.hex}`).trim()}::bytea`, kind: 'bytes' };
    case 'word':
      return wordOf(expression.word);
    case 'column': {
      const column = scope.column(expression.name);
      if (column === undefined)
        throw new Untranslatable(`names ${JSON.stringify(expression.name)}, which is no column`);
      return { sql: quoteIdentifier(column.name), kind: column.kind, collation: column.collation };
    }
    case 'collate':
      return collate(of(expression.operand), expression.collation);
    case 'unary':
      return unary(expression.operator, of(expression.operand));
    case 'binary':
      return binary(expression.operator, of(expression.left), of(expression.right));
    case 'in': {
      const operand = of(expression.operand);
      if (expression.items.length === 0) throw new Untranslatable('has an empty list');
      // The collation of the left side counts.
      const same = expression.items.map((item) => compare('=', operand, { ...of(item), collation: 'binary' }).sql);
      return boolean(same.join(' OR '));
    }
    case 'pattern':
      return pattern(expression, of(expression.operand));
    case 'case':
      return caseOf(expression, of);
    case 'call':
      return callOf(expression.name, expression.parameters.map(of));
    case 'cast':
      return cast(of(expression.operand), expression.type);
  }
}

/** As CHECK and WHERE take it: numbers are true but for 0. */
export function condition(value: Translated): string {
  if (value.kind === 'boolean') return value.sql;
  if (NUMBERS.has(value.kind)) return `(${value.sql} <> 0)`;
  if (value.kind === 'null') return 'NULL::boolean';
  throw new Untranslatable(`takes ${value.kind} for true or false`);
}

function numberOf(text: string): Translated {
  if (/^\d+$/.test(text) || /^0x[0-9a-f]{1,15}$/i.test(text)) {
    const value = BigInt(text);
    if (value <= LARGEST) return { sql: String(value), kind: 'integer', literal: String(value), isNarrow: true };
  }
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) throw new Untranslatable(`has the number ${text}`);
  if (!Number.isFinite(Number(text))) throw new Untranslatable(`has the number ${text}, which is infinite`);
  return { sql: `${text}::double precision`, kind: 'float', literal: text };
}

function wordOf(word: string): Translated {
  if (word === 'null') return { sql: 'NULL', kind: 'null' };
  if (word === 'true' || word === 'false')
    return { sql: word.toUpperCase(), kind: 'boolean', literal: word === 'true' ? '1' : '0' };
  throw new Untranslatable('depends on the time');
}

function collate(value: Translated, collation: string): Translated {
  if (collation !== 'binary' && collation !== 'nocase' && collation !== 'rtrim')
    throw new Untranslatable(`has the collation ${collation}`);
  return { ...value, collation, isExplicit: true };
}

function unary(operator: '-' | '+' | '~' | 'not', value: Translated): Translated {
  if (operator === 'not') return boolean(`NOT ${condition(value)}`);
  if (operator === '+') return value;
  const number = numeric(value);
  if (operator === '~' && number.kind !== 'integer') throw new Untranslatable('has ~ of what is no integer');
  const literal = number.literal === undefined ? {} : { literal: `-${number.literal}` };
  if (operator === '-' && number.literal !== undefined && number.kind === 'integer')
    return { sql: `(-${number.literal})`, kind: 'integer', ...literal, isNarrow: true };
  const sql = number.isNarrow === true ? `${number.sql}::bigint` : number.sql;
  return { sql: `(${operator} ${sql})`, kind: number.kind, ...(operator === '-' ? literal : {}) };
}

function binary(operator: string, left: Translated, right: Translated): Translated {
  switch (operator) {
    case 'and':
    case 'or':
      return boolean(`${condition(left)} ${operator.toUpperCase()} ${condition(right)}`);
    case '||':
      return { sql: `(${asText(left)} || ${asText(right)})`, kind: 'text' };
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(operator, left, right);
    case '&':
    case '|':
    case '->':
    case '->>':
    case '<<':
    case '>>':
      throw new Untranslatable(`has the operator ${operator}`);
    default:
      return compare(operator, left, right);
  }
}

/** Truth values count as 0 and 1. */
function numeric(value: Translated): Translated {
  if (NUMBERS.has(value.kind)) return value;
  if (value.kind !== 'boolean') throw new Untranslatable(`calculates with ${value.kind}`);
  return value.literal === undefined
    ? { sql: `(${value.sql})::int::bigint`, kind: 'integer' }
    : { sql: value.literal, kind: 'integer', literal: value.literal, isNarrow: true };
}

function arithmetic(operator: string, one: Translated, other: Translated): Translated {
  const sides = [numeric(one), numeric(other)] as const;
  const [left, right] = sides.map(({ sql, isNarrow }) => (isNarrow === true ? `${sql}::bigint` : sql));
  const isInteger = sides.every(({ kind }) => kind === 'integer');
  // SQLite has integers and floats in one column: 5 / 2 is 2 there.
  if (sides.some(({ kind }) => kind === 'numeric') && (operator === '/' || operator === '%'))
    throw new Untranslatable('divides decimal numbers');
  if (operator === '%' && !isInteger) throw new Untranslatable('has a remainder of what is no integer');
  const kind = isInteger ? 'integer' : sides.some((side) => side.kind === 'float') ? 'float' : 'numeric';
  const divisor = operator === '/' || operator === '%' ? `nullif(${right}, 0)` : right;
  return { sql: `(${left} ${operator} ${divisor})`, kind };
}

function asText({ sql, kind }: Translated): string {
  if (kind === 'text') return sql;
  if (kind === 'integer') return `${sql}::text`;
  throw new Untranslatable(`makes text of ${kind}`);
}

const COMPARISONS: Readonly<Record<string, string>> = {
  '=': '=',
  '==': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  is: 'IS NOT DISTINCT FROM',
  'is not': 'IS DISTINCT FROM',
};

const ORDERS = new Set(['<', '<=', '>', '>=']);

export function compare(operator: string, left: Translated, right: Translated): Translated {
  const sign = COMPARISONS[operator];
  if (sign === undefined) throw new Untranslatable(`has the operator ${operator}`);
  if (operator.startsWith('is') && right.kind === 'null')
    return boolean(`${left.sql} IS ${operator === 'is' ? '' : 'NOT '}NULL`);
  if (operator.startsWith('is') && right.kind === 'boolean' && right.literal !== undefined)
    return boolean(`${condition(left)} ${operator.toUpperCase()} ${right.sql}`);
  const [one, other] = alike(left, right);
  if (one.kind !== 'text') return boolean(`${one.sql} ${sign} ${other.sql}`);
  const collation =
    (left.isExplicit ? left.collation : right.isExplicit ? right.collation : undefined) ??
    left.collation ??
    right.collation;
  // Equal bytes are equal by any collation that a database can have.
  if ((collation ?? 'binary') === 'binary' && !ORDERS.has(sign)) return boolean(`${one.sql} ${sign} ${other.sql}`);
  return boolean(`${collated(one.sql, collation)} ${sign} ${collated(other.sql, collation)}`);
}

/** Both as one kind, or refused: SQLite orders any value before or after any other. */
function alike(left: Translated, right: Translated): [Translated, Translated] {
  if (left.kind === 'boolean' && right.kind === 'boolean') return [left, right];
  const isTruth = ({ literal }: Translated): boolean => literal === '0' || literal === '1';
  const truth = (value: Translated): Translated => ({ sql: value.literal === '1' ? 'TRUE' : 'FALSE', kind: 'boolean' });
  if (left.kind === 'boolean' && right.kind === 'integer' && isTruth(right)) return [left, truth(right)];
  if (right.kind === 'boolean' && left.kind === 'integer' && isTruth(left)) return [truth(left), right];
  if ([left, right].every(({ kind }) => kind === 'boolean' || NUMBERS.has(kind)))
    return [numeric(left), numeric(right)];
  const isSame = left.kind === right.kind && !['null', 'json', 'uuid', 'time'].includes(left.kind);
  if (isSame) return [left, right];
  throw new Untranslatable(`compares ${left.kind} with ${right.kind}`);
}

/** A text as it compares in SQLite: byte by byte; NOCASE folds the letters A to Z alone, as lower() does by collation C. */
export function collated(sql: string, collation: Collation = 'binary'): string {
  if (collation === 'nocase') return `lower(${sql} COLLATE "C")`;
  if (collation === 'rtrim') return `rtrim(${sql}, ' ') COLLATE "C"`;
  return `${sql} COLLATE "C"`;
}

function pattern(expression: Expression & { kind: 'pattern' }, operand: Translated): Translated {
  const { operator, pattern: given, escape } = expression;
  if (operand.kind !== 'text') throw new Untranslatable(`compares ${operand.kind} with a pattern`);
  if (given.kind !== 'string' || (escape !== undefined && escape.kind !== 'string'))
    throw new Untranslatable('has a pattern that is no literal');
  if (operator === 'glob') {
    return boolean(`${operand.sql} COLLATE "C" ~ ${quoteLiteral(globPattern(given.value)).trim()}`);
  }
  const character = escape?.value ?? '';
  if (/[a-z]/i.test(character) || [...character].length > 1) throw new Untranslatable(`escapes with ${character}`);
  const folded = given.value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (character !== '' && !isWhole(folded, character))
    throw new Untranslatable('has a pattern that ends with its escape');
  return boolean(
    `${collated(operand.sql, 'nocase')} LIKE ${quoteLiteral(folded).trim()} ESCAPE ${quoteLiteral(character).trim()}`,
  );
}

/** PostgreSQL refuses a pattern that ends with an escape. */
function isWhole(text: string, escape: string): boolean {
  const characters = [...text];
  let at = 0;
  while (at < characters.length) at += characters[at] === escape ? 2 : 1;
  return at === characters.length;
}

function caseOf(expression: Expression & { kind: 'case' }, of: (each: Expression) => Translated): Translated {
  const base = expression.base === undefined ? undefined : of(expression.base);
  const branches = expression.branches.map(({ when, then }) => ({
    when: base === undefined ? condition(of(when)) : compare('=', base, of(when)).sql,
    then: of(then),
  }));
  const otherwise = expression.otherwise === undefined ? undefined : of(expression.otherwise);
  const results = [...branches.map(({ then }) => then), ...(otherwise === undefined ? [] : [otherwise])];
  const kind = oneKind(results);
  const parts = branches.map(({ when, then }) => `WHEN ${when} THEN ${then.sql}`);
  return { sql: `(CASE ${parts.join(' ')}${otherwise === undefined ? '' : ` ELSE ${otherwise.sql}`} END)`, kind };
}

function cast(value: Translated, type: string): Translated {
  const isInteger = type.includes('INT');
  const isText = /CHAR|CLOB|TEXT/.test(type);
  if (isInteger && value.kind === 'boolean') return numeric(value);
  if (isInteger && value.kind === 'integer') return value;
  if (isText && (value.kind === 'text' || value.kind === 'integer')) return { sql: `(${asText(value)})`, kind: 'text' };
  if (type === 'REAL' && (value.kind === 'integer' || value.kind === 'float'))
    return { sql: `(${value.sql}::double precision)`, kind: 'float' };
  throw new Untranslatable(`casts ${value.kind} to ${type}`);
}
