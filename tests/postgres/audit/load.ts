import { type Client, Query } from 'pg';

import { qualified, quoteIdentifier } from '../../../postgres/connection/quote';

interface Wire {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** COPY ... FROM STDIN with these lines. */
export async function copy(client: Client, statement: string, lines: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const query = Object.assign(new Query(statement), {
      callback: (error: Error | null) => (error === null ? resolve() : reject(error)),
      handleCopyInResponse: (wire: Wire): void => {
        wire.sendCopyFromChunk(Buffer.from(lines.map((line) => `${line}\n`).join('')));
        wire.endCopyFrom();
      },
    });
    client.query(query);
  });
}

export interface Load {
  /** The owner of the tables, which the loader becomes. */
  owner: string;
  /** Of schema `public`; of these and of foreign keys that refer to them everything is dropped and made again. */
  tables: string[];
  /** Lines as COPY takes them, by table or partition. */
  rows: Record<string, string[]>;
}

interface Phase {
  down: string;
  up: string;
}

const LOADED = `loaded AS (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1))`;

/** Foreign keys, indexes, keys, triggers: in the order in which they go; one statement for each table, as one DDL row of the trail is enough. */
async function phases(client: Client, tables: string[]): Promise<Phase[]> {
  const { rows } = await client.query<Phase>(
    `WITH ${LOADED}, part AS (
       SELECT CASE contype WHEN 'f' THEN 0 ELSE 2 END AS rank, conrelid AS relation, format('DROP CONSTRAINT %I', conname) AS down,
              format('ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) AS up
         FROM pg_constraint
        WHERE conparentid = 0 AND contype IN ('p', 'u', 'f') AND (conrelid IN (SELECT oid FROM loaded) OR confrelid IN (SELECT oid FROM loaded))
       UNION ALL
       SELECT 3, tgrelid, format('DISABLE TRIGGER %I', tgname), format('ENABLE TRIGGER %I', tgname)
         FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM loaded) AND NOT tgisinternal AND tgparentid = 0 AND tgname NOT LIKE '00\\_audit\\_%'
     ), step AS (
       SELECT rank, format('ALTER TABLE %s %s', relation::regclass, string_agg(down, ', ')) AS down,
              format('ALTER TABLE %s %s', relation::regclass, string_agg(up, ', ')) AS up FROM part GROUP BY rank, relation
       UNION ALL
       SELECT 1, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
         FROM pg_index i JOIN pg_class x ON x.oid = indexrelid
        WHERE indrelid IN (SELECT oid FROM loaded) AND NOT x.relispartition
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
     ) SELECT down, up FROM step ORDER BY rank, down`,
    [tables],
  );
  return rows;
}

/** The transaction of a transfer, up to COMMIT: one connection, logged in as the loader. */
export async function load(client: Client, { owner, tables, rows }: Load): Promise<void> {
  const names = tables.map((table) => qualified('public', table)).join(', ');
  await client.query(`BEGIN; SELECT audit.suspend('transfer'); SET LOCAL ROLE ${quoteIdentifier(owner)}`);
  const steps = await phases(client, tables);
  for (const { down } of steps) await client.query(down);
  await client.query(`TRUNCATE ${names}`);
  for (const [table, lines] of Object.entries(rows))
    await copy(client, `COPY ${qualified('public', table)} FROM STDIN (FREEZE)`, lines);
  for (const { up } of steps.reverse()) await client.query(up);
  await client.query(`ANALYZE ${names}`);
}
