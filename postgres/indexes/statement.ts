import { qualified, quoteIdentifier, quoteLiteral } from '../connection/quote';
import type { IndexSpec } from '../spec';
import type { QualifiedName } from './description';

/** An operator class or a collation, looked up in the catalog. */
export interface ResolvedColumn {
  opclass?: QualifiedName;
  opclassParameters: Record<string, string>;
  collation?: QualifiedName;
}

/** `"location"`, `(lower(name)) COLLATE "pg_catalog"."C" "public"."gin_trgm_ops" DESC NULLS LAST`, joined by commas. */
export function columnsSql(spec: IndexSpec, resolved: readonly ResolvedColumn[]): string {
  return spec.columns
    .map((column, index) => {
      const { opclass, opclassParameters = {}, collation } = resolved[index] ?? {};
      let sql = column.expression === true ? inParentheses(column.name) : quoteIdentifier(column.name);
      if (collation !== undefined) sql += ` COLLATE ${named(collation)}`;
      if (opclass !== undefined) sql += ` ${named(opclass)}${options(opclassParameters)}`;
      if (column.order !== undefined) sql += column.order === 'desc' ? ' DESC' : ' ASC';
      if (column.nulls !== undefined) sql += column.nulls === 'first' ? ' NULLS FIRST' : ' NULLS LAST';
      return sql;
    })
    .join(', ');
}

/** Without a schema the name is left for PostgreSQL to look up. */
function named({ schema, name }: QualifiedName): string {
  return schema === '' ? quoteIdentifier(name) : qualified(schema, name);
}

export interface CreateOptions {
  /** Instead of the spec's own. */
  name: string;
  /** As it stands in the statement; quoted already. */
  table: string;
  concurrently?: boolean;
  ifNotExists?: boolean;
}

/** CREATE INDEX for `spec`; `columns` as columnsSql wrote them. */
export function createIndexSql(spec: IndexSpec, columns: string, options_: CreateOptions): string {
  const { name, table, concurrently = false, ifNotExists = false } = options_;
  const words = ['CREATE'];
  if (spec.unique === true) words.push('UNIQUE');
  words.push('INDEX');
  if (concurrently) words.push('CONCURRENTLY');
  if (ifNotExists) words.push('IF NOT EXISTS');
  words.push(quoteIdentifier(name), 'ON');
  words.push(table, 'USING', quoteIdentifier(methodOf(spec)), `(${columns})`);
  if (spec.include !== undefined && spec.include.length > 0) {
    words.push(`INCLUDE (${spec.include.map(quoteIdentifier).join(', ')})`);
  }
  if (spec.nullsNotDistinct === true) words.push('NULLS NOT DISTINCT');
  const storage = options(spec.storage ?? {});
  if (storage !== '') words.push(`WITH${storage}`);
  if (spec.tablespace !== undefined) words.push(`TABLESPACE ${quoteIdentifier(spec.tablespace)}`);
  if (spec.predicate !== undefined) words.push(`WHERE ${inParentheses(spec.predicate)}`);
  return words.join(' ');
}

/** Access methods are folded as PostgreSQL folds a word: `GIN` is gin. */
export function methodOf(spec: IndexSpec): string {
  return (spec.method ?? 'btree').toLowerCase();
}

/** A trailing line comment must not swallow the parenthesis. */
function inParentheses(sql: string): string {
  return sql.includes('--') ? `(${sql}\n)` : `(${sql})`;
}

/** ` ("fillfactor" = '70')`, or nothing. Values as literals: PostgreSQL reads numbers and booleans from their text. */
function options(values: Record<string, string | number | boolean>): string {
  const list = Object.entries(values).map(([name, value]) => `${quoteIdentifier(name)} = ${literal(value)}`);
  return list.length === 0 ? '' : ` (${list.join(', ')})`;
}

function literal(value: string | number | boolean): string {
  return quoteLiteral(typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)).trim();
}

export function dropIndexSql(index: QualifiedName, concurrently: boolean): string {
  return `DROP INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF EXISTS ${qualified(index.schema, index.name)}`;
}

export function renameIndexSql(index: QualifiedName, name: string): string {
  return `ALTER INDEX ${qualified(index.schema, index.name)} RENAME TO ${quoteIdentifier(name)}`;
}

/** The statements that bring storage parameters from `actual` to `wanted`, both normalised. */
export function alterStorageSql(
  index: QualifiedName,
  wanted: Record<string, string>,
  actual: Record<string, string>,
): string[] {
  const name = qualified(index.schema, index.name);
  const changed = Object.entries(wanted).filter(([key, value]) => actual[key] !== value);
  const reset = Object.keys(actual).filter((key) => wanted[key] === undefined);
  const statements: string[] = [];
  if (changed.length > 0) statements.push(`ALTER INDEX ${name} SET${options(Object.fromEntries(changed))}`);
  if (reset.length > 0) statements.push(`ALTER INDEX ${name} RESET (${reset.map(quoteIdentifier).join(', ')})`);
  return statements;
}
