import { isSymbol } from '../prepare/tableParts';
import { hasWords, isWord, type SqliteToken, sqliteTokens } from '../source/sqlTokens';

/** What no pragma says of a table: it stands in the statement that made it alone. */
export interface TableClauses {
  checks: SqliteToken[][];
  /** In the order of the statement. */
  references: { deferral: Deferral }[];
  /** By column, in lower case. */
  collations: Map<string, string>;
  generated: Map<string, SqliteToken[]>;
  /** ON CONFLICT clauses other than ABORT. */
  conflicts: string[];
}

export type Deferral = 'none' | 'immediate' | 'deferred';

const CONSTRAINTS = new Set(['constraint', 'primary', 'foreign', 'unique', 'check']);

/** Reads CREATE TABLE as sqlite_schema keeps it. */
export function tableClauses(sql: string): TableClauses {
  const clauses: TableClauses = {
    checks: [],
    references: [],
    collations: new Map(),
    generated: new Map(),
    conflicts: [],
  };
  const tokens = sqliteTokens(sql);
  const open = tokens.findIndex((token) => isSymbol(token, '('));
  if (open === -1) return clauses;
  for (const definition of split(inside(tokens, open))) readDefinition(definition, clauses);
  return clauses;
}

function readDefinition(tokens: readonly SqliteToken[], clauses: TableClauses): void {
  const [first] = tokens;
  const isConstraint = first?.kind === 'word' && CONSTRAINTS.has(first.text);
  const column = isConstraint ? undefined : nameOf(first).toLowerCase();
  for (let at = column === undefined ? 0 : 1; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (isSymbol(token, '(')) at = closing(tokens, at);
    else if (isWord(token, 'check') && isSymbol(next, '(')) clauses.checks.push(inside(tokens, at + 1));
    else if (isWord(token, 'references')) clauses.references.push({ deferral: deferralOf(tokens, at + 1) });
    else if (hasWords(tokens, at, 'on', 'conflict')) {
      const action = tokens[at + 2]?.text ?? '';
      if (action !== 'abort') clauses.conflicts.push(action.toUpperCase());
    } else if (column === undefined) continue;
    else if (isWord(token, 'collate')) clauses.collations.set(column, nameOf(next).toLowerCase());
    else if (isWord(token, 'as') && isSymbol(next, '(')) clauses.generated.set(column, inside(tokens, at + 1));
  }
}

/** Up to the next constraint; NOT DEFERRABLE INITIALLY DEFERRED is checked at once. */
function deferralOf(tokens: readonly SqliteToken[], from: number): Deferral {
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (isSymbol(token, '(')) at = closing(tokens, at);
    else if (isWord(token, 'deferrable')) {
      if (isWord(tokens[at - 1], 'not')) return 'none';
      return hasWords(tokens, at + 1, 'initially', 'deferred') ? 'deferred' : 'immediate';
    } else if (token?.kind === 'word' && (CONSTRAINTS.has(token.text) || token.text === 'references')) return 'none';
  }
  return 'none';
}

export interface IndexClauses {
  /** In their order; of plain columns and of expressions. */
  items: SqliteToken[][];
  where: SqliteToken[] | undefined;
}

/** Reads CREATE INDEX as sqlite_schema keeps it. */
export function indexClauses(sql: string): IndexClauses {
  const tokens = sqliteTokens(sql);
  const open = tokens.findIndex((token) => isSymbol(token, '('));
  if (open === -1) return { items: [], where: undefined };
  const end = closing(tokens, open);
  const items = split(inside(tokens, open)).map(withoutOrder);
  return { items, where: isWord(tokens[end + 1], 'where') ? tokens.slice(end + 2) : undefined };
}

function withoutOrder(tokens: SqliteToken[]): SqliteToken[] {
  const last = tokens.at(-1);
  return isWord(last, 'asc') || isWord(last, 'desc') ? tokens.slice(0, -1) : tokens;
}

/** Between an opening parenthesis and its own. */
const inside = (tokens: readonly SqliteToken[], open: number): SqliteToken[] =>
  tokens.slice(open + 1, closing(tokens, open));

/** Where the parenthesis that opens at `open` is closed; the end where it is not. */
export function closing(tokens: readonly SqliteToken[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isSymbol(tokens[at], '(')) depth += 1;
    if (isSymbol(tokens[at], ')') && (depth -= 1) === 0) return at;
  }
  return tokens.length;
}

/** At the commas outside parentheses. */
function split(tokens: readonly SqliteToken[]): SqliteToken[][] {
  const parts: SqliteToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSymbol(token, '(')) depth += 1;
    if (isSymbol(token, ')')) depth -= 1;
    if (depth === 0 && isSymbol(token, ',')) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** SQLite takes a string for a name. */
const nameOf = (token: SqliteToken | undefined): string =>
  token === undefined ? '' : token.kind === 'string' ? token.text.slice(1, -1).replaceAll("''", "'") : token.text;
