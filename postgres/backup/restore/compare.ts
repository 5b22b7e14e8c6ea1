import type { Client } from 'pg';

import type { Manifest, ManifestTable } from '../manifest';
import { tableLabel } from '../snapshot';
import { tableChecksum } from '../tableChecksum';

export interface TableDifference {
  table: string;
  expected: { rows: number; checksum: string };
  /** Undefined: there is no such table. */
  found?: { rows: number; checksum: string };
}

/** Counts and sums every table of a restored database, on several connections. Empty: all are as they were in the snapshot. */
export async function compareTables(
  clients: readonly Client[],
  { tables }: Pick<Manifest, 'tables'>,
  signal?: AbortSignal,
): Promise<TableDifference[]> {
  const queue = [...tables].sort((a, b) => b.rows - a.rows);
  const differences: TableDifference[] = [];
  const work = async (client: Client): Promise<void> => {
    for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
      signal?.throwIfAborted();
      const difference = await compare(client, table);
      if (difference !== undefined) differences.push(difference);
    }
  };
  await Promise.all(clients.map(work));
  return differences.sort((a, b) => (a.table < b.table ? -1 : 1));
}

async function compare(client: Client, table: ManifestTable): Promise<TableDifference | undefined> {
  const { schema, name, rows, checksum } = table;
  const expected = { rows, checksum };
  const { rowCount } = await client.query(
    'SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2',
    [schema, name],
  );
  if (rowCount === 0) return { table: tableLabel(table), expected };
  const found = await tableChecksum(client, schema, name);
  return found.rows === rows && found.checksum === checksum ? undefined : { table: tableLabel(table), expected, found };
}
