import type { Problem } from '../../system/errors';
import { aloneBecause, chains, controlOf, hasModes } from './control';
import { deniedBefore } from './denied';
import { locationAt } from './location';
import { deniedRemedy, orRecordIt } from './remedies';
import { leadingWords, splitStatements, type Statement } from './statements';
import { tokenize } from './tokens';
import type { MigrationFile, MigrationStep, PlannedStatement, Powers } from './types';

/** A comment with this text makes each statement of its file commit by itself. */
export const NO_TRANSACTION = '-- coachdb: no-transaction';

export interface Script {
  step: MigrationStep;
  problems: Problem[];
  warnings: string[];
  /** What those powers do not suffice for. */
  denied(powers: Powers): Problem[];
}

/**
 * Cuts a migration into statements and decides whether they can run in one transaction with its record and still have the effect they
 * have through Prisma, which sends the file as it is: at once, and since 7.4 statement by statement where it can read the file. What
 * no version of it takes is a problem.
 */
export function readScript(file: MigrationFile): Script {
  const { name, path, checksum, sql } = file;
  const found = splitStatements(sql);
  const directives = findDirectives(sql);
  const problems: Problem[] = file.unfit === undefined ? [] : [file.unfit];
  for (const { offset, code, what, remedy } of refusals(found)) {
    const { line, column, excerpt } = locationAt(sql, offset);
    const message = `Migration ${name}, line ${line}, column ${column}: ${what}.\n${excerpt}`;
    problems.push({ code, message, remedy: orRecordIt(name, remedy), object: path });
  }

  const statements = numbered(sql, found);
  const unknown = directives.filter((text) => text !== 'no-transaction');
  const warnings = [
    ...file.warnings,
    ...unknown.map(
      (text) => `${path}: "coachdb: ${text}" is unknown and ignored; the one directive is \`${NO_TRANSACTION}\`.`,
    ),
  ];
  const mode = directives.includes('no-transaction')
    ? { transactional: false, reason: `marked ${NO_TRANSACTION}` }
    : modeOf(sql, found, statements);
  const denied = (powers: Powers): Problem[] =>
    found.flatMap((statement) => {
      const refused = deniedBefore(sql, statement, powers);
      if (refused === undefined) return [];
      const { line, column, excerpt } = locationAt(sql, statement.start);
      const message = `Migration ${name}, line ${line}, column ${column}: ${refused.what} would fail: ${refused.why}.\n${excerpt}`;
      return [{ code: 'migration-denied', message, remedy: deniedRemedy(name, refused), object: path }];
    });
  return { step: { name, path, checksum, sql, statements, ...mode }, problems, warnings, denied };
}

/** Marks the statements that a transaction around the file stands for. */
function modeOf(
  sql: string,
  found: Statement[],
  statements: PlannedStatement[],
): Pick<MigrationStep, 'transactional' | 'reason'> {
  const because = (index: number, reason: string): string => `line ${statements[index]?.line ?? 1}: ${reason}`;
  for (const [index, statement] of found.entries()) {
    const reason = aloneBecause(sql, statement);
    if (reason !== undefined) return { transactional: false, reason: because(index, reason) };
  }
  const controls = new Set(found.filter((statement) => controlOf(statement) !== undefined));
  const first = found.findIndex((statement) => controls.has(statement));
  if (first !== -1 && !mayMerge(sql, found, controls))
    return { transactional: false, reason: because(first, 'the file controls transactions itself') };
  found.forEach((statement, index) => {
    const planned = statements[index];
    if (planned !== undefined && controls.has(statement)) planned.merged = true;
  });
  const doubts = found.map((statement, index) => doubtOf(sql, statement, statements[index]?.line ?? 1));
  const reason = doubts.find((doubt) => doubt !== undefined);
  return { transactional: true, ...(reason === undefined ? {} : { reason }) };
}

/**
 * Whether BEGIN and COMMIT may be left out, since the transaction around the file says as much: pairs without modes, around all of the
 * file, or around statements that leave nothing in the transaction that its end would take away (SET LOCAL, ON COMMIT). Prisma itself
 * writes such pairs where an enum loses a value.
 */
function mayMerge(sql: string, found: Statement[], controls: Set<Statement>): boolean {
  const pairs = [...controls].every(
    (control, index) => controlOf(control) === (index % 2 === 0 ? 'begin' : 'commit') && !hasModes(control),
  );
  if (!pairs || controls.size % 2 !== 0) return false;
  const [first, last] = [found[0], found.at(-1)];
  if (controls.size === 2 && first !== undefined && last !== undefined && controls.has(first) && controls.has(last))
    return true;
  return found.every((statement) => controls.has(statement) || leavesNothing(sql, statement));
}

const LASTING = new Set(['create', 'alter', 'drop', 'comment', 'grant', 'revoke', 'insert', 'update', 'delete']);

function leavesNothing(sql: string, statement: Statement): boolean {
  const text = sql.slice(statement.start, statement.end);
  const [first = /^\w+/.exec(text)?.[0].toLowerCase() ?? ''] = leadingWords(statement, 1);
  return LASTING.has(first) && !/set_config|\bon\s+commit\b/i.test(text);
}

/** What only the server can tell, as words behind "all or nothing"; it is tried in a transaction first. */
function doubtOf(sql: string, { end, tokens }: Statement, line: number): string | undefined {
  const first = tokens[0]?.text;
  if (first === 'call') return `unless the procedure called in line ${line} ends the transaction`;
  if (first !== 'alter' || tokens[1]?.text !== 'type') return undefined;
  const value = tokens.findIndex(({ text }, at) => text === 'value' && tokens[at - 1]?.text === 'add');
  const literal = tokens.find(({ kind }, at) => kind === 'string' && at > value);
  if (value === -1 || literal === undefined) return undefined;
  const text = sql.slice(literal.start, literal.end);
  return sql.includes(text, end) ? `unless what follows line ${line} uses the new enum value ${text}` : undefined;
}

interface Refusal {
  offset: number;
  code: string;
  what: string;
  remedy: string;
}

/** What fails through Prisma too, is lost with its connection, or differs between its versions. */
function refusals(found: Statement[]): Refusal[] {
  const refused: Refusal[] = [];
  let open: Statement | undefined;
  for (const statement of found) {
    const { start, openAt, tokens } = statement;
    const refuse = (code: string, what: string, remedy: string, offset = start): unknown =>
      refused.push({ offset, code, what, remedy });
    if (openAt !== undefined) refuse('migration-syntax', 'this quote or comment is never closed', 'Close it', openAt);
    if (tokens[0]?.text === 'copy' && tokens.some(({ text }, i) => text === 'from' && tokens[i + 1]?.text === 'stdin'))
      refuse('migration-copy', 'COPY FROM STDIN wants data that only psql would send', 'Write the rows as INSERT');
    const control = controlOf(statement);
    if (control === 'rollback' && open === undefined)
      refuse(
        'migration-transaction',
        'ROLLBACK without BEGIN undoes what stands above it, or nothing, by the version of Prisma',
        'Remove it',
      );
    if (control === 'begin') open ??= statement;
    else if (control !== undefined) open = chains(statement) ? statement : undefined;
  }
  if (open !== undefined)
    refused.push({
      offset: open.start,
      code: 'migration-transaction',
      what: 'this transaction is never committed, so what follows would be lost with the connection',
      remedy: 'Add the COMMIT',
    });
  return refused;
}

function numbered(sql: string, found: Statement[]): PlannedStatement[] {
  let line = 1;
  let counted = 0;
  return found.map(({ start, end }) => {
    for (let feed = sql.indexOf('\n', counted); feed !== -1 && feed < start; feed = sql.indexOf('\n', feed + 1)) {
      line += 1;
      counted = feed + 1;
    }
    return { start, line, sql: sql.slice(start, end) };
  });
}

/** `-- coachdb: ...` in real comments only: the text between the tokens. */
function findDirectives(sql: string): string[] {
  const mark = /--[ \t]*coachdb:[ \t]*([^\r\n]*)/g;
  if (!sql.includes('coachdb:')) return [];
  const found: string[] = [];
  let from = 0;
  for (const { start, end } of [...tokenize(sql), { start: sql.length, end: sql.length }]) {
    for (const match of sql.slice(from, start).matchAll(mark)) found.push((match[1] ?? '').trim());
    from = end;
  }
  return found;
}
