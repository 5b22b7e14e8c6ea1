import type { Problem } from '../../system/errors';
import { match } from './names';
import type { Source } from './source/open';
import { type Extent, isAtEnds, readExtent, readTables, type SourceTable } from './source/tables';
import type { TargetColumn, TargetTable } from './target/tables';
import { conversionOf } from './values/choose';
import type { Conversion } from './values/conversion';
import type { TimeUnit } from './values/units';

export interface TransferOptions {
  /** Names of source tables; none: all that are the application's. */
  tables: readonly string[];
  /** `Table` or `Table.column`: left out. */
  exclude: readonly string[];
  /** What numbers in columns of times count, by `Table.column`. */
  casts: Readonly<Record<string, TimeUnit>>;
  /** Who the tables have to belong to. */
  owner: string;
}

export interface ColumnPlan {
  /** As the source has it. */
  source: string;
  target: TargetColumn;
  conversion: Conversion;
}

export interface TablePlan {
  source: SourceTable;
  extent: Extent;
  target: TargetTable;
  columns: ColumnPlan[];
  /** Columns of the target that get their default, and of the source that are left out. */
  defaults: string[];
  omitted: { column: string; reason: string }[];
  /** Columns of the target's primary key, as they are in the source; empty without. */
  key: ColumnPlan[];
}

export interface TransferPlan {
  tables: TablePlan[];
  /** Source tables that are left out, and why. */
  omitted: { table: string; reason: string }[];
  /** Tables of the target that nothing comes for. */
  untouched: string[];
  problems: Problem[];
}

/** Tables of tools that live in other people's databases. */
const OF_TOOLS: readonly (readonly [RegExp, string])[] = [
  [/^_prisma_migrations$/, 'Prisma’s own list of migrations'],
  [/^_litestream_/, 'Litestream’s'],
  [/^_cf_/, 'Cloudflare’s'],
  [/^(libsql_|_?libsql)/, 'libSQL’s'],
  [/^d1_migrations$/, 'Cloudflare’s list of migrations'],
  [
    /^(__drizzle_migrations|knex_migrations(_lock)?|sequelizemeta|typeorm_metadata|android_metadata)$/i,
    'a tool’s own list',
  ],
];

/** Which table and column goes where. Reads sizes of the source's tables; changes nothing. */
export function planTransfer(source: Source, targets: readonly TargetTable[], options: TransferOptions): TransferPlan {
  const plan: TransferPlan = { tables: [], omitted: [], untouched: [], problems: [] };
  const found = readTables(source);
  const excluded = new Set(options.exclude);
  const used = new Map<string, string>();
  complainOfUnknown(found, options, plan.problems);
  for (const table of found) {
    const reason = reasonToOmit(table, options, excluded);
    if (reason !== undefined) {
      plan.omitted.push({ table: table.name, reason });
      continue;
    }
    const target = match(table.name, targets);
    if (target === undefined) {
      const { rows } = readExtent(source, table);
      if (rows === 0) plan.omitted.push({ table: table.name, reason: 'no rows, and the target has no such table' });
      else plan.problems.push(withoutTarget(table.name, rows));
      continue;
    }
    const other = used.get(target.name);
    used.set(target.name, table.name);
    if (other !== undefined) {
      plan.problems.push({
        code: 'target-ambiguous',
        message: `Tables ${other} and ${table.name} of the source would both go to ${target.name}.`,
        remedy: `Leave one out: --exclude ${table.name}.`,
        object: table.name,
      });
      continue;
    }
    const planned = planTable(source, table, target, options, plan.problems);
    if (planned.columns.length > 0) plan.tables.push(planned);
    else plan.omitted.push({ table: table.name, reason: 'no column of it goes anywhere' });
  }
  plan.untouched = targets
    .filter(({ name, kind }) => kind !== 'view' && !used.has(name) && name !== '_prisma_migrations')
    .map(({ name }) => name);
  if (plan.tables.length === 0 && plan.problems.length === 0) {
    plan.problems.push({
      code: 'nothing-to-transfer',
      message: `${source.file} has no table that is to be transferred.`,
      remedy: 'Give the application’s database, or other --tables.',
      object: source.file,
    });
  }
  return plan;
}

export function reasonToOmit(
  table: SourceTable,
  { tables }: Pick<TransferOptions, 'tables'>,
  excluded: ReadonlySet<string>,
): string | undefined {
  if (excluded.has(table.name)) return 'excluded';
  if (tables.length > 0) return tables.includes(table.name) ? undefined : 'not among --tables';
  if (table.kind !== 'table') return table.kind === 'virtual' ? 'a virtual table' : 'belongs to a virtual table';
  return OF_TOOLS.find(([pattern]) => pattern.test(table.name))?.[1];
}

/** Names that nothing in the source has. */
function complainOfUnknown(found: readonly SourceTable[], options: TransferOptions, problems: Problem[]): void {
  const tables = new Set(found.map(({ name }) => name));
  const columns = new Set(found.flatMap(({ name, columns: all }) => all.map((column) => `${name}.${column.name}`)));
  const unknown = [
    ...options.tables.filter((name) => !tables.has(name)).map((name) => ['--tables', name] as const),
    ...options.exclude
      .filter((name) => !tables.has(name) && !columns.has(name))
      .map((name) => ['--exclude', name] as const),
    ...Object.keys(options.casts)
      .filter((name) => !columns.has(name))
      .map((name) => ['coach:transfer.casts', name] as const),
  ];
  for (const [option, name] of unknown) {
    problems.push({
      code: 'source-unknown',
      message: `${option} names ${name}, which the source does not have.`,
      remedy: `It has the tables ${[...tables].join(', ') || '(none)'}; a column is written Table.column.`,
      object: name,
    });
  }
}

const withoutTarget = (table: string, rows: number): Problem => ({
  code: 'table-without-target',
  message: `Table ${table} of the source has ${rows} rows and no counterpart: the application’s migrations make no such table.`,
  remedy: `Deploy the application’s migrations (\`npm run db:deploy\`), or leave the table out: --exclude ${table}.`,
  object: table,
});

function planTable(
  source: Source,
  table: SourceTable,
  target: TargetTable,
  { exclude, casts, owner }: TransferOptions,
  problems: Problem[],
): TablePlan {
  complainOfTarget(target, owner, problems);
  const columns: ColumnPlan[] = [];
  const omitted: TablePlan['omitted'] = [];
  const filled = new Set<string>();
  for (const column of table.columns) {
    const path = `${table.name}.${column.name}`;
    const to = match(column.name, target.columns);
    if (exclude.includes(path)) omitted.push({ column: column.name, reason: 'excluded' });
    else if (to === undefined) {
      problems.push({
        code: 'column-without-target',
        message: `Column ${path} of the source has no counterpart in ${target.name}.`,
        remedy: `Add it with a migration, or leave its values behind: --exclude ${path}.`,
        object: path,
      });
    } else if (to.isGenerated) {
      omitted.push({ column: column.name, reason: 'computed by PostgreSQL' });
      filled.add(to.name);
    } else if (filled.has(to.name)) {
      problems.push({
        code: 'target-ambiguous',
        message: `Two columns of ${table.name} would go to ${target.name}.${to.name}.`,
        remedy: `Leave one out: --exclude ${path}.`,
        object: path,
      });
    } else {
      filled.add(to.name);
      columns.push({ source: column.name, target: to, conversion: conversionOf(column, to, casts[path]) });
    }
  }
  const missing = target.columns.filter(({ name, isGenerated }) => !filled.has(name) && !isGenerated);
  for (const { name } of missing.filter(({ nullable, hasDefault }) => !nullable && !hasDefault)) {
    problems.push({
      code: 'column-without-source',
      message: `${target.name}.${name} takes no NULL and has no default, and the source has no such column.`,
      remedy: 'Give it a default with a migration, or load into the schema as it was when the source was written.',
      object: `${target.name}.${name}`,
    });
  }
  const keyColumns = target.constraints.find(({ type }) => type === 'p')?.columns ?? [];
  const key = keyColumns.flatMap((name) => columns.find((column) => column.target.name === name) ?? []);
  const extent = readExtent(source, table);
  return {
    source: isAtEnds(extent) ? { ...table, rowId: undefined } : table,
    extent,
    target,
    columns,
    defaults: missing.map(({ name }) => name),
    omitted,
    key: key.length === keyColumns.length ? key : [],
  };
}

function complainOfTarget(table: TargetTable, owner: string, problems: Problem[]): void {
  const { name, kind, forcesRowSecurity } = table;
  const complain = (code: string, message: string, remedy: string): number =>
    problems.push({ code, message, remedy, object: name });
  if (kind === 'view' || kind === 'foreign table') {
    complain(
      'target-not-table',
      `${name} of the target is a ${kind}, not a table.`,
      `Leave it out: --exclude ${name}.`,
    );
  }
  if (table.owner !== owner) {
    complain(
      'target-owner',
      `${name} of the target belongs to ${table.owner}, not to ${owner}, as whom rows are loaded.`,
      `Hand it over as an administrator (ALTER TABLE ... OWNER TO ${owner}), or leave it out: --exclude ${name}.`,
    );
  }
  if (forcesRowSecurity) {
    complain(
      'target-row-security',
      `${name} of the target forces row security on its owner too, so rows could be refused or unseen.`,
      `ALTER TABLE ... NO FORCE ROW LEVEL SECURITY for the time of the load, by a migration.`,
    );
  }
}
