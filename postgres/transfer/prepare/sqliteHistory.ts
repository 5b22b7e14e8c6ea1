import {
  hasWords,
  isWord,
  lineWith,
  type SqliteStatement,
  sqliteStatements,
  type SqliteToken,
} from '../source/sqlTokens';
import { indexColumns, isSymbol, type Part, tableParts } from './tableParts';

/** Where a statement stands. */
export interface Location {
  path: string;
  /** From 1. */
  line: number;
  /** The statement's first line. */
  sql: string;
}

/** What a script made, and what goes with its table. */
export interface Made extends Location {
  kind:
    | Part['kind']
    | 'table'
    | 'virtual-table'
    | 'view'
    | 'index'
    | 'unique-index'
    | 'partial-index'
    | 'expression-index'
    | 'trigger';
  table: string;
  /** Of an index, a trigger or a view. */
  name?: string;
  /** With commas between them. */
  columns?: string;
}

/** A statement that changes rows, or one that nothing here knows. */
export interface OtherStatement extends Location {
  kind: 'data' | 'other';
  table: string;
}

const WITHOUT_EFFECT = new Set(
  'pragma begin commit end rollback savepoint release vacuum analyze reindex detach explain'.split(' '),
);
const CHANGES_ROWS = new Set(['insert', 'replace', 'update', 'delete', 'with']);

/** Scripts replayed one after the other, as far as names go: what is there at the end, and every change of rows. */
export class SqliteHistory {
  made: Made[] = [];
  readonly others: OtherStatement[] = [];
  private script = { path: '', sql: '' };

  constructor(scripts: readonly { path: string; sql: string }[]) {
    for (const script of scripts)
      for (const { tokens, line, excerpt } of sqliteStatements(script.sql)) {
        this.script = script;
        this.replay(tokens, { path: script.path, line, sql: excerpt });
      }
  }

  private replay(tokens: SqliteStatement['tokens'], location: Location): void {
    const first = tokens[0]?.kind === 'word' ? tokens[0].text : '';
    if (WITHOUT_EFFECT.has(first)) return;
    if (first === 'drop') this.drop(tokens);
    else if (hasWords(tokens, 0, 'alter', 'table')) this.alter(tokens);
    else if (first === 'create' && this.create(tokens, location)) return;
    else if (!CHANGES_ROWS.has(first)) this.others.push({ kind: 'other', table: '', ...location });
    else if (!copiesTable(tokens)) this.others.push({ kind: 'data', table: changedTable(tokens), ...location });
  }

  /** False where it is no object of SQLite's. */
  private create(tokens: readonly SqliteToken[], location: Location): boolean {
    const adjective = ['temp', 'temporary', 'unique', 'virtual'].find((word) => isWord(tokens[1], word));
    const kindAt = adjective === undefined ? 1 : 2;
    const kind = tokens[kindAt]?.text;
    const nameBegins = kindAt + (hasWords(tokens, kindAt + 1, 'if', 'not', 'exists') ? 4 : 1);
    const { text: name, next } = nameAt(tokens, nameBegins);
    if (adjective === 'temp' || adjective === 'temporary') return true;
    if (kind === 'index') this.createIndex(tokens, name, nameAt(tokens, next + 1), location);
    else if (kind === 'view') this.made.push({ kind, table: name, name, ...location });
    else if (kind === 'trigger') {
      const on = tokens.findIndex((token) => isWord(token, 'on'));
      this.made.push({ kind, table: nameAt(tokens, on + 1).text, name, ...location });
    } else if (kind === 'table' && adjective === 'virtual')
      this.made.push({ kind: 'virtual-table', table: name, ...location });
    else if (kind === 'table') {
      this.made.push({ kind, table: name, ...location });
      this.addParts(name, tableParts(tokens, next));
    } else return false;
    return true;
  }

  private createIndex(tokens: readonly SqliteToken[], name: string, on: Name, location: Location): void {
    const columns = indexColumns(tokens, on.next);
    const has = (word: string): boolean => tokens.some((token) => isWord(token, word));
    const plain = has('unique') ? 'unique-index' : 'index';
    const kind = columns === undefined ? 'expression-index' : has('where') ? 'partial-index' : plain;
    const index = { table: on.text, name, ...(columns === undefined ? {} : { columns }), ...location };
    this.made.push({ kind, ...index });
    if (has('collate')) this.made.push({ kind: 'collate', ...index });
  }

  private addParts(table: string, parts: readonly Part[]): void {
    const { path, sql } = this.script;
    for (const { kind, columns, start } of parts) {
      const { line, excerpt } = lineWith(sql, start);
      this.made.push({ kind, table, columns, path, line, sql: excerpt });
    }
  }

  /** With a table go its indexes and triggers. */
  private drop(tokens: readonly SqliteToken[]): void {
    const kind = tokens[1]?.text;
    const { text } = nameAt(tokens, hasWords(tokens, 2, 'if', 'exists') ? 4 : 2);
    this.made = this.made.filter(({ kind: of, table, name }) => {
      if (kind === 'table') return !isSame(table, text);
      return !isSame(name ?? '', text) || (of === 'trigger') !== (kind === 'trigger');
    });
  }

  private alter(tokens: readonly SqliteToken[]): void {
    const { text: table, next } = nameAt(tokens, 2);
    if (hasWords(tokens, next, 'rename', 'to')) {
      const to = nameAt(tokens, next + 2).text;
      this.made = this.made.map((one) => (isSame(one.table, table) ? { ...one, table: to } : one));
    } else if (isWord(tokens[next], 'add')) {
      this.addParts(table, tableParts(tokens, next + (isWord(tokens[next + 1], 'column') ? 2 : 1)));
    }
  }
}

interface Name {
  text: string;
  /** The token behind it. */
  next: number;
}

/** `"User"` or `main.User`. */
function nameAt(tokens: readonly SqliteToken[], at: number): Name {
  if (isSymbol(tokens[at + 1], '.')) return nameAt(tokens, at + 2);
  return { text: tokens[at]?.text ?? '', next: at + 1 };
}

/** SQLite's names fold. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * How Prisma changes a table: `INSERT INTO "new_User" (...) SELECT "id", coalesce("name", '') AS "name" FROM "User"`. Anything else in it was
 * written by a person, who converted values.
 */
function copiesTable(tokens: readonly SqliteToken[]): boolean {
  const { text, next } = nameAt(tokens, 2);
  const select = tokens.findIndex((token) => isWord(token, 'select'));
  const from = tokens.findIndex((token) => isWord(token, 'from'));
  if (!hasWords(tokens, 0, 'insert', 'into') || !text.startsWith('new_') || select < next || from < select)
    return false;
  if (!isSame(nameAt(tokens, from + 1).text, text.slice('new_'.length)) || tokens.length !== from + 2) return false;
  const selected = tokens.slice(select + 1, from);
  return selected.every(
    ({ kind, text: word }) =>
      kind !== 'word' || ['coalesce', 'as', 'true', 'false', 'null', 'current_timestamp'].includes(word),
  );
}

function changedTable(tokens: readonly SqliteToken[]): string {
  const at = tokens.findIndex((token) => ['into', 'update', 'from'].some((word) => isWord(token, word)));
  const or = isWord(tokens[at + 1], 'or') ? 2 : 0;
  return at < 0 ? '' : nameAt(tokens, at + 1 + or).text;
}
