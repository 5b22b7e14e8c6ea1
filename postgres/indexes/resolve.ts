import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError, type Problem } from '../../system/errors';
import { qualified, quoteIdentifier } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import type { IndexSpec } from '../spec';
import { nearest } from '../tuning/nearest';
import { readTemporaryIndexes } from './catalog';
import type { IndexDescription, TableFacts, WantedIndex } from './description';
import { definitionProblem } from './failure';
import { readNames, resolveColumns } from './lookup';
import { searchPathOf } from './session';
import { columnsSql, createIndexSql, methodOf } from './statement';
import { readTableNames, readTables } from './tables';

export interface Resolution {
  spec: IndexSpec;
  /** Absent where there are problems. */
  wanted?: WantedIndex;
  problems: Problem[];
  /** A problem is that the table or a column does not exist (yet): a migration may still bring it. */
  awaitsTable: boolean;
}

interface Candidate {
  spec: IndexSpec;
  table: TableFacts;
  columns: string;
}

/**
 * What each spec means to this server: PostgreSQL builds the index on an empty temporary table with the same columns, in a
 * transaction that is always rolled back, and the catalog then describes it with every default filled in. So two spellings of
 * one index get one description, and a definition that PostgreSQL refuses is known before anything is done. The real table is not
 * locked at all. The client must not be in a transaction; it needs the TEMPORARY privilege and a server that takes writes.
 */
export async function resolveIndexes(client: Client, specs: readonly IndexSpec[]): Promise<Resolution[]> {
  if (specs.length === 0) return [];
  const tables = await readTables(
    client,
    specs.map((spec) => ({ schema: spec.schema, name: spec.table })),
  );
  const names = await readNames(client, specs);
  const missing = specs.some((spec) => tableOf(tables, spec) === undefined);
  const others = missing ? await readTableNames(client, [...new Set(specs.map((spec) => spec.schema))]) : [];

  const resolutions = new Map<IndexSpec, Resolution>();
  const candidates: Candidate[] = [];
  for (const spec of specs) {
    const table = tableOf(tables, spec);
    const absent = table === undefined ? [missingTable(spec, others)] : missingColumns(spec, table);
    const { columns, problems } = resolveColumns(spec, names);
    const all = [...absent, ...(table === undefined ? [] : unfitTable(spec, table)), ...problems];
    resolutions.set(spec, { spec, problems: all, awaitsTable: absent.length > 0 });
    if (table !== undefined && all.length === 0) {
      candidates.push({ spec, table, columns: columnsSql(spec, columns) });
    }
  }

  const tried = candidates.length === 0 ? [] : await tryOut(client, candidates);
  tried.forEach((result, index) => {
    const candidate = candidates[index];
    const resolution = candidate && resolutions.get(candidate.spec);
    if (candidate === undefined || resolution === undefined) return;
    if ('code' in result) resolution.problems.push(result);
    else {
      const { spec, table, columns } = candidate;
      const description = { ...result, schema: spec.schema, name: spec.name, table: spec.table };
      resolution.wanted = { spec, table, description, columnsSql: columns };
    }
  });
  return [...resolutions.values()];
}

function tableOf(tables: readonly TableFacts[], spec: IndexSpec): TableFacts | undefined {
  return tables.find((table) => table.schema === spec.schema && table.name === spec.table);
}

/** One description or problem for each candidate, in order. */
async function tryOut(client: Client, candidates: readonly Candidate[]): Promise<(IndexDescription | Problem)[]> {
  const results: (IndexDescription | Problem)[] = [];
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL default_tablespace = ''; SET LOCAL temp_tablespaces = ''`);
    for (const schema of new Set(candidates.map((candidate) => candidate.spec.schema))) {
      // Tables of two schemas may share a name, and the clones bear their tables' names: qualified columns stay valid.
      await client.query('SAVEPOINT one_schema');
      await tryOutSchema(client, schema, candidates, results);
      await client.query('ROLLBACK TO SAVEPOINT one_schema');
    }
  } catch (error) {
    throw trialError(error);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
  return results;
}

async function tryOutSchema(
  client: Client,
  schema: string,
  candidates: readonly Candidate[],
  results: (IndexDescription | Problem)[],
): Promise<void> {
  const cloned = new Set<string>();
  await client.query(`SELECT set_config('search_path', $1, true)`, [searchPathOf(schema)]);
  for (const [index, { spec, table, columns }] of candidates.entries()) {
    if (spec.schema !== schema) continue;
    if (!cloned.has(table.name)) await client.query(cloneSql(table));
    cloned.add(table.name);
    const clone = qualified('pg_temp', table.name);
    // The extended protocol takes one statement only, whatever an expression holds.
    const trial = {
      text: createIndexSql(spec, columns, { name: `trial_${index}`, table: clone }),
      queryMode: 'extended',
    };
    await client.query('SAVEPOINT trial');
    try {
      await client.query(trial);
      await client.query('RELEASE SAVEPOINT trial');
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      results[index] = definitionProblem(spec, error);
      await client.query('ROLLBACK TO SAVEPOINT trial');
    }
  }
  const built = await readTemporaryIndexes(client);
  for (const [index, { spec }] of candidates.entries()) {
    const description = built.find((one) => one.name === `trial_${index}`);
    if (spec.schema !== schema || description === undefined) continue;
    results[index] =
      description.keys.length === spec.columns.length ? description : definitionProblem(spec, 'more than one column');
  }
}

/** An empty table with the same columns, types and collations: all that an index definition can refer to. */
function cloneSql(table: TableFacts): string {
  const columns = table.columns.map(({ name, type, collation }) => {
    const collate = collation === null ? '' : ` COLLATE ${qualified(collation.schema, collation.name)}`;
    return `${quoteIdentifier(name)} ${type}${collate}`;
  });
  return `CREATE TEMPORARY TABLE ${quoteIdentifier(table.name)} (${columns.join(', ')})`;
}

function trialError(error: unknown): unknown {
  const state = codeOf(error);
  if (state === SqlState.insufficientPrivilege || state === '25006') {
    return new PlatformError(
      'index-trial-refused',
      `Index definitions are compared by building them on an empty temporary table, which this connection may not do: ${messageOf(
        error,
      )}`,
      'Connect as the database’s owner (or a role with TEMPORARY on the database), to the primary server, not a read-only one.',
      { cause: error },
    );
  }
  return error;
}

function missingTable(spec: IndexSpec, tables: readonly { schema: string; name: string }[]): Problem {
  const here = tables.filter((table) => table.schema === spec.schema).map((table) => table.name);
  const elsewhere = tables.find((table) => table.name === spec.table);
  const near = nearest(spec.table, here) ?? (elsewhere && `${elsewhere.schema}.${elsewhere.name}`);
  return {
    code: 'index-table-missing',
    message: `Index ${spec.name}: table ${spec.schema}.${spec.table} does not exist.`,
    remedy:
      near === undefined
        ? 'Apply the migrations that create it (`npm run db:deploy`), or correct the index’s `table`.'
        : `Did you mean ${near}? Else apply the migrations that create it (\`npm run db:deploy\`).`,
    object: `${spec.schema}.${spec.name}`,
  };
}

function missingColumns(spec: IndexSpec, table: TableFacts): Problem[] {
  const known = table.columns.map((column) => column.name);
  const used = [
    ...spec.columns.filter((column) => column.expression !== true).map((column) => column.name),
    ...(spec.include ?? []),
  ];
  return [...new Set(used)]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      const list = known.length <= 20 ? ` Its columns: ${known.join(', ')}.` : '';
      return {
        code: 'index-column-missing',
        message: `Index ${spec.name}: table ${spec.schema}.${spec.table} has no column ${name}.${list}`,
        remedy:
          near === undefined
            ? 'Apply the migration that adds it (`npm run db:deploy`), or correct the index’s `columns`.'
            : `Did you mean ${near}? Else apply the migration that adds it (\`npm run db:deploy\`).`,
        object: `${spec.schema}.${spec.name}`,
      };
    });
}

function unfitTable(spec: IndexSpec, table: TableFacts): Problem[] {
  const object = `${spec.schema}.${spec.name}`;
  const problems: Problem[] = [];
  if (table.kind === 'partitioned table') {
    problems.push({
      code: 'index-table-partitioned',
      message: `Index ${spec.name}: ${spec.schema}.${spec.table} is a partitioned table, of which PostgreSQL builds no index without blocking writes.`,
      remedy:
        'Take it out of `coach:indexes` and make it in a migration, under another name where one of this name was made from here.',
      object,
    });
  } else if (table.kind !== 'table' && table.kind !== 'materialized view') {
    problems.push({
      code: 'index-table-unfit',
      message: `Index ${spec.name}: ${spec.schema}.${spec.table} is a ${table.kind}, which cannot have indexes.`,
      remedy: 'Name a table or a materialized view.',
      object,
    });
  }
  for (const column of table.columns.filter(
    (one) => one.virtual && spec.columns.some((key) => key.name === one.name),
  )) {
    problems.push({
      code: 'index-column-virtual',
      message: `Index ${spec.name}: column ${column.name} is a virtual generated column, which PostgreSQL cannot index.`,
      remedy: `Make it STORED, or index its expression instead of ${methodOf(spec)} on the column.`,
      object,
    });
  }
  return problems;
}
