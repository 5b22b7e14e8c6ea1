import type { Client } from 'pg';

import { codeOf } from '../../../system/errors';
import { SqlState } from '../../connection/sqlstate';

export interface AmcheckResult {
  /** False: the extension is not there to be installed, or not for this administrator. */
  available: boolean;
  indexes: number;
  tables: number;
  problems: string[];
}

/** amcheck of every B-tree and every table of the database, in which the extension is made. For a scratch database. */
export async function amcheck(client: Client): Promise<AmcheckResult> {
  const { rowCount } = await client.query(`SELECT FROM pg_available_extensions WHERE name = 'amcheck'`);
  if (rowCount === 0) return { available: false, indexes: 0, tables: 0, problems: [] };
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog');
  } catch (error) {
    if (codeOf(error) !== SqlState.insufficientPrivilege) throw error;
    return { available: false, indexes: 0, tables: 0, problems: [] };
  }
  const problems: string[] = [];
  const look = async (what: string, sql: string, oid: number): Promise<void> => {
    try {
      const { rows } = await client.query<{ msg?: string }>(sql, [oid]);
      problems.push(...rows.flatMap(({ msg }) => (msg === undefined ? [] : [`${what}: ${msg}`])));
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
    }
  };
  const { rows: indexes } = await client.query<{ oid: number; name: string }>(INDEXES);
  for (const { oid, name } of indexes)
    await look(`index ${name}`, 'SELECT bt_index_check($1::oid::regclass, true)', oid);
  const { rows: tables } = await client.query<{ oid: number; name: string }>(TABLES);
  for (const { oid, name } of tables)
    await look(`table ${name}`, 'SELECT msg FROM verify_heapam($1::oid::regclass)', oid);
  return { available: true, indexes: indexes.length, tables: tables.length, problems };
}

const INDEXES = `
SELECT c.oid::int8::float8 AS oid, c.oid::regclass::text AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_am AS a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisready AND i.indisvalid ORDER BY 2`;
const TABLES = `
SELECT c.oid::int8::float8 AS oid, c.oid::regclass::text AS name FROM pg_class AS c WHERE c.relkind IN ('r', 't', 'm') AND c.relpersistence = 'p' ORDER BY 2`;
