import type { Problem } from '../errors';
import { placeAt } from './location';
import { leadingWords, splitStatements, type Statement } from './statements';
import { tokenize } from './tokens';
import type { MigrationFile, MigrationStep } from './types';

/** A comment with this text makes each statement of its file commit by itself. */
export const NO_TRANSACTION = '-- coachdb: no-transaction';

export interface Script {
  step: MigrationStep;
  problems: Problem[];
}

/**
 * Cuts a migration into statements and refuses what would break "all of it or nothing": statements that end the transaction,
 * open quotes, data for COPY. Prisma itself writes `BEGIN; ... COMMIT;` around some changes; such a pair says what holds anyway,
 * so it is left out of the statements.
 */
export function readScript(file: MigrationFile): Script {
  const { sql } = file;
  const directives = findDirectives(sql);
  const transactional = !directives.some((directive) => directive.text === 'no-transaction');
  const problems: Problem[] = [];
  const refuse = (offset: number, code: string, what: string, remedy: string): void => {
    const { line, column, excerpt } = placeAt(sql, offset);
    const message = `Migration ${file.name}, line ${line}, column ${column}: ${what}.\n${excerpt}`;
    problems.push({ code, message, remedy, object: file.path });
  };
  for (const { text, offset } of directives) {
    if (text === 'no-transaction') continue;
    refuse(
      offset,
      'migration-directive',
      `"coachdb: ${text}" is unknown`,
      `The one directive is \`${NO_TRANSACTION}\`.`,
    );
  }

  let open: Statement | undefined;
  const kept: Statement[] = [];
  for (const statement of splitStatements(sql)) {
    const refusal = refusalOf(sql, statement, open !== undefined, transactional);
    if (refusal !== undefined) refuse(refusal.offset, refusal.code, refusal.what, refusal.remedy);
    const control = controlOf(statement);
    if (control === 'begin') open = statement;
    if (control === 'commit') open = undefined;
    if (!transactional || control === undefined || control === 'savepoint') kept.push(statement);
  }
  if (open !== undefined)
    refuse(open.start, 'migration-transaction', 'this BEGIN is never committed', 'Remove it, or add the COMMIT.');

  const statements = kept.map(({ start, end }) => ({ start, line: lineOf(sql, start), sql: sql.slice(start, end) }));
  const { name, path, checksum } = file;
  return { step: { name, path, checksum, sql, transactional, statements }, problems };
}

interface Refusal {
  offset: number;
  code: string;
  what: string;
  remedy: string;
}

function refusalOf(
  sql: string,
  statement: Statement,
  insideBlock: boolean,
  transactional: boolean,
): Refusal | undefined {
  const { start, tokens } = statement;
  const transaction = (what: string, remedy: string): Refusal => ({
    offset: start,
    code: 'migration-transaction',
    what,
    remedy,
  });
  if (statement.unterminated)
    return {
      offset: tokens.at(-1)?.start ?? start,
      code: 'migration-syntax',
      what: 'this quote or comment is never closed',
      remedy: 'Close it.',
    };
  const atomic = 'A migration is one transaction together with its record in _prisma_migrations, so it';
  switch (controlOf(statement)) {
    case 'begin':
      if (insideBlock)
        return transaction('BEGIN inside a transaction', 'Remove it, or commit the one before it first.');
      if (transactional && hasModes(statement))
        return transaction(
          'BEGIN with transaction modes',
          `${atomic} cannot set them. Remove the modes, or take the file out of the transaction with \`${NO_TRANSACTION}\`.`,
        );
      return undefined;
    case 'commit':
      if (insideBlock && !hasModes(statement)) return undefined;
      return transaction(
        `${words(statement)} would end the transaction half-way`,
        `${atomic} cannot commit in between. Remove the statement, or split the file into two migrations.`,
      );
    case 'rollback':
      return transaction(
        `${words(statement)} would undo the migration and record it as applied`,
        `${atomic} cannot end it. Remove the statement; ROLLBACK TO SAVEPOINT is allowed.`,
      );
    case 'prepared':
      return transaction(
        `${words(statement)} would hand the migration’s transaction on`,
        `${atomic} cannot use two-phase commit. Remove the statement.`,
      );
    default:
      return otherRefusal(sql, statement);
  }
}

function otherRefusal(sql: string, statement: Statement): Refusal | undefined {
  const offset = statement.start;
  const tokens = statement.tokens.map((token) => token.text);
  if (tokens[0] === 'copy' && tokens.some((text, index) => text === 'from' && tokens[index + 1] === 'stdin'))
    return {
      offset,
      code: 'migration-copy',
      what: 'COPY FROM STDIN wants data that only psql would send',
      remedy: 'Write the rows as INSERT statements.',
    };
  const setting = tokens.indexOf('standard_conforming_strings');
  const value = statement.tokens[setting + 2];
  if (tokens[0] === 'set' && setting > 0 && value && !/^'?(?:on|true|yes|1|default)\b/i.test(sql.slice(value.start)))
    return {
      offset,
      code: 'migration-strings',
      what: 'standard_conforming_strings = off changes what a quote means',
      remedy: "Remove it and write strings with backslashes as E'...'.",
    };
  return undefined;
}

type Control = 'begin' | 'commit' | 'rollback' | 'savepoint' | 'prepared';

function controlOf(statement: Statement): Control | undefined {
  const [first = '', second = '', third = '', fourth = ''] = leadingWords(statement);
  switch (first) {
    case 'begin':
      return 'begin';
    case 'start':
      return second === 'transaction' ? 'begin' : undefined;
    case 'commit':
    case 'end':
      return second === 'prepared' ? 'prepared' : 'commit';
    case 'rollback':
    case 'abort':
      if (second === 'prepared') return 'prepared';
      return second === 'to' || (isFiller(second) && third === 'to') ? 'savepoint' : 'rollback';
    case 'prepare':
      return second === 'transaction' && third === '' && fourth === '' ? 'prepared' : undefined;
    case 'savepoint':
    case 'release':
      return 'savepoint';
    default:
      return undefined;
  }
}

function isFiller(word: string): boolean {
  return word === 'work' || word === 'transaction';
}

/** Anything behind BEGIN, COMMIT [WORK | TRANSACTION]: isolation levels, AND CHAIN. */
function hasModes(statement: Statement): boolean {
  return statement.tokens.slice(1).some((token) => !isFiller(token.text));
}

function words(statement: Statement): string {
  const [first = '', second = ''] = leadingWords(statement, 2);
  return (['prepared', 'transaction'].includes(second) ? `${first} ${second}` : first).toUpperCase();
}

function lineOf(sql: string, offset: number): number {
  return sql.slice(0, offset).split('\n').length;
}

/** `-- coachdb: ...` in real comments only: the text between the tokens. */
function findDirectives(sql: string): { text: string; offset: number }[] {
  const found: { text: string; offset: number }[] = [];
  let from = 0;
  for (const { start, end } of [...tokenize(sql), { start: sql.length, end: sql.length }]) {
    for (const match of sql.slice(from, start).matchAll(/--[ \t]*coachdb:[ \t]*([^\r\n]*)/g))
      found.push({ text: (match[1] ?? '').trim(), offset: from + match.index });
    from = end;
  }
  return found;
}
