import { leadingWords, type Statement } from './statements';
import { type Token, tokenize } from './tokens';

/** What a statement does to the transaction it runs in. */
export type Control = 'begin' | 'commit' | 'rollback' | 'prepare';

/** Undefined for everything else; ROLLBACK TO a savepoint is none, it ends no transaction. */
export function controlOf(statement: Statement): Control | undefined {
  if (statement.tokens.length === 0) return undefined;
  const [first, second = '', third = '', fourth] = leadingWords(statement);
  switch (first) {
    case 'begin':
      return 'begin';
    case 'start':
      return second === 'transaction' ? 'begin' : undefined;
    case 'commit':
    case 'end':
      return second === 'prepared' ? undefined : 'commit';
    case 'rollback':
    case 'abort':
      return second === 'prepared' || second === 'to' || (isFiller(second) && third === 'to') ? undefined : 'rollback';
    case 'prepare':
      return second === 'transaction' && third === '' && fourth === undefined ? 'prepare' : undefined;
    default:
      return undefined;
  }
}

/** Anything behind BEGIN, COMMIT [WORK | TRANSACTION]: isolation levels, AND CHAIN. */
export function hasModes({ tokens }: Statement): boolean {
  return tokens.slice(1).some((token) => !isFiller(token.text));
}

export function chains({ tokens }: Statement): boolean {
  const last = tokens.slice(-2).map((token) => token.text);
  return last[0] === 'and' && last[1] === 'chain';
}

function isFiller(word: string): boolean {
  return word === 'work' || word === 'transaction';
}

/** Leading words of statements that PostgreSQL refuses inside a transaction block, in every form. */
const ALWAYS_ALONE = [
  'vacuum',
  'create database',
  'drop database',
  'create tablespace',
  'drop tablespace',
  'alter system',
  'discard all',
  'commit prepared',
  'rollback prepared',
  'reindex database',
  'reindex system',
  'reindex schema',
];
/** ... and those that it refuses with CONCURRENTLY. */
const ALONE_CONCURRENTLY = ['create index', 'create unique index', 'drop index', 'reindex', 'alter table'];

/**
 * Why the statement cannot run inside a transaction block, or undefined. Not the whole truth, which depends on the catalog too (a
 * partitioned table, a subscription's slot): the server has the last word.
 */
export function aloneBecause(sql: string, statement: Statement): string | undefined {
  if (statement.tokens.length === 0) return undefined;
  const words = leadingWords(statement, 3);
  const starts = (phrase: string): boolean => `${words.join(' ')} `.startsWith(`${phrase} `);
  const always = ALWAYS_ALONE.find(starts);
  if (always !== undefined) return `${always.toUpperCase()} cannot run inside a transaction`;
  const concurrently = ALONE_CONCURRENTLY.find(starts);
  if (concurrently !== undefined && statement.tokens.some(({ text }) => text === 'concurrently'))
    return `${concurrently.toUpperCase()} CONCURRENTLY cannot run inside a transaction`;
  if (words[0] === 'do' && statement.tokens.some((token) => endsTransaction(sql, token)))
    return 'its DO block ends the transaction';
  return undefined;
}

/** Whether a dollar-quoted body in PL/pgSQL holds COMMIT or ROLLBACK as a statement. */
function endsTransaction(sql: string, body: Token): boolean {
  if (body.kind !== 'string' || sql.charAt(body.start) !== '$') return false;
  const delimiter = sql.indexOf('$', body.start + 1) + 1 - body.start;
  const tokens = tokenize(sql, body.start + delimiter, body.end - delimiter);
  return tokens.some(({ text }, index) => {
    if (text !== 'commit' && text !== 'rollback') return false;
    const next = tokens[index + 1]?.text;
    return next === ';' || next === 'and' || isFiller(next ?? '');
  });
}
