import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError } from '../../../system/errors';
import { match } from '../names';
import { reasonToOmit, type TransferOptions } from '../plan';
import type { Source } from '../source/open';
import { readTables, textOf } from '../source/tables';
import type { TargetTable } from '../target/tables';
import { readFacts } from './facts';
import { planSchema, type SchemaPlan } from './plan';
import { readStored } from './stored';
import { isUncertain } from './types';

/** The tables that a transfer wants and the target lacks. Reads the source; changes nothing. */
export function schemaFor(
  source: Source,
  targets: readonly TargetTable[],
  options: Omit<TransferOptions, 'owner'> & { schema: string },
): SchemaPlan {
  const excluded = new Set(options.exclude);
  const wanted = readTables(source).filter(
    (table) => reasonToOmit(table, options, excluded) === undefined && match(table.name, targets) === undefined,
  );
  const tables = wanted.map((table) => {
    const facts = readFacts(source, table);
    const uncertain = facts.columns.filter(({ declaredType }) => isUncertain(declaredType)).map(({ name }) => name);
    return { facts, stored: readStored(source, table.name, uncertain) };
  });
  const plan = planSchema(tables, targets, options);
  plan.notes.push(...leftBehind(source, new Set(wanted.map(({ name }) => name.toLowerCase()))));
  return plan;
}

/** Triggers of these tables, and all views. */
function leftBehind({ database, encoding }: Source, tables: ReadonlySet<string>): SchemaPlan['notes'] {
  return database
    .rows(
      `SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB) FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY type, name`,
    )
    .map((row) => row.map((value) => textOf(value, encoding)))
    .filter(([type, , table = '']) => type === 'view' || tables.has(table.toLowerCase()))
    .map(([type = '', name = '', table = '']) => ({
      object: type === 'view' ? name : table,
      note: `the ${type} ${name} is left out; write it for PostgreSQL`,
    }));
}

/** Runs the statements inside the caller's transaction, as the owner of the tables. */
export async function createSchema(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    try {
      await client.query(statement);
    } catch (error) {
      const state = codeOf(error);
      // Locks, rights and the connection are told as those of the load.
      if (state === undefined || !/^(0A|42(?!501)|54)/.test(state)) throw error;
      throw new PlatformError(
        'schema-statement',
        `PostgreSQL refused a table of the source’s schema: ${messageOf(error)} (SQLSTATE ${state}), at: ${statement}. Nothing was kept.`,
        'Make that table by hand first (--dry-run --create-schema --json prints all statements): tables that are there are used as they are.',
        { cause: error },
      );
    }
  }
}
