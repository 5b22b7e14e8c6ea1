import type { Client } from 'pg';

import { trailNames } from '../../postgres/audit/names';
import { bringUpAudit } from '../../postgres/audit/plan/apply';
import type { AuditSpec } from '../../postgres/spec';

/** The same table four times, each in a schema of its own, and what records its changes. */
export type Contender = 'none' | 'seed' | 'ours' | 'chained';

export const CONTENDERS: readonly Contender[] = ['none', 'seed', 'ours', 'chained'];

/** The application's table of seven columns, without its foreign key: whose check would weigh on all alike. */
export const TABLE = 'Assessment';
const COLUMNS = `"id" TEXT NOT NULL PRIMARY KEY, "studentId" TEXT NOT NULL, "subject" TEXT NOT NULL,
  "score" DOUBLE PRECISION NOT NULL, "passed" BOOLEAN NOT NULL DEFAULT false, "answers" JSONB,
  "takenAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP`;

/** Logs in and changes the rows, like the application's role: for a superuser PostgreSQL skips part of the work. */
export const APPLICATION = 'inclusive';

/** Of the form and width of Prisma's cuid, which begins with the time: new rows come at the end of the key's index. */
export const id = (n: string): string => `'cmh' || lpad((${n})::text, 22, '0')`;

/** The project's founding document, word for word but for the CREATE TRIGGER that it leaves to the reader. */
const SEED = [
  `CREATE EXTENSION "uuid-ossp"`,
  `CREATE TABLE audit_log (
    id uuid DEFAULT uuid_generate_v4() PRIMARY KEY,
    table_name text NOT NULL,
    operation text NOT NULL,
    old_data jsonb,
    new_data jsonb,
    user_id text,
    timestamp timestamptz DEFAULT NOW()
)`,
  `CREATE OR REPLACE FUNCTION audit_trigger()
RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_log (table_name, operation, new_data, user_id)
        VALUES (TG_TABLE_NAME, 'INSERT', to_jsonb(NEW), current_setting('app.current_user_id', true));
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO audit_log (table_name, operation, old_data, new_data, user_id)
        VALUES (TG_TABLE_NAME, 'UPDATE', to_jsonb(OLD), to_jsonb(NEW), current_setting('app.current_user_id', true));
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_log (table_name, operation, old_data, user_id)
        VALUES (TG_TABLE_NAME, 'DELETE', to_jsonb(OLD), current_setting('app.current_user_id', true));
        RETURN OLD;
    END IF;
    RETURN NULL;
END;
$$ LANGUAGE plpgsql`,
  `CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON seed."${TABLE}" FOR EACH ROW EXECUTE FUNCTION audit_trigger()`,
];

export function auditSpec(schema: string, tableSchema: string, hashChain = false): AuditSpec {
  return {
    schema,
    table: 'audit_log',
    owner: 'coach_audit_owner',
    readers: ['coach_auditor'],
    tables: [{ schema: tableSchema, table: TABLE }],
    retentionMonths: 0,
    monthsAhead: 3,
    hashChain,
  };
}

const SPECS = { ours: auditSpec('audit', 'ours'), chained: auditSpec('audit_chained', 'chained', true) };

/** `source` holds the rows, so that making them up is no part of any measure. */
export async function createContenders(client: Client, rows: number): Promise<void> {
  for (const contender of CONTENDERS) {
    await client.query(`CREATE SCHEMA ${contender}`);
    await client.query(`CREATE TABLE ${contender}."${TABLE}" (${COLUMNS})`);
    await client.query(`GRANT USAGE ON SCHEMA ${contender} TO ${APPLICATION}`);
    await client.query(`GRANT ALL ON ${contender}."${TABLE}" TO ${APPLICATION}`);
  }
  await client.query(
    `CREATE TABLE source AS
     SELECT ${id('n')} AS "id", ${id('n % 5000')} AS "studentId", 'Lectura y comprensión' AS "subject", (n % 100)::double precision AS "score",
            n % 3 = 0 AS "passed", jsonb_build_object('correct', n % 20, 'of', 20) AS "answers", now()::timestamp(3) AS "takenAt"
       FROM generate_series(1, ${rows}) AS n`,
  );
  for (const statement of SEED) await client.query(statement);
  await client.query(`GRANT SELECT ON source TO ${APPLICATION}`);
  await client.query(`GRANT INSERT ON audit_log TO ${APPLICATION}`);
  for (const spec of Object.values(SPECS)) await bringUpAudit(client, spec);
  await client.query(`VACUUM ANALYZE`);
}

/** Before a measure: the tables without dead rows, nothing left to write; unless they are to grow, all trails empty. */
export async function levelGround(client: Client, trails: 'empty' | 'growing'): Promise<void> {
  if (trails === 'empty') {
    await client.query(`TRUNCATE audit_log`);
    for (const { trail } of Object.values(SPECS).map(trailNames)) {
      await client.query(`TRUNCATE ${trail}`);
      // As maintain leaves a month's index: one made on an empty table, also by TRUNCATE, counts its first range as summarised.
      await client.query(
        `SELECT brin_desummarize_range(i.indexrelid, 0) FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid
           JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE h.inhparent = $1::regclass AND a.amname = 'brin'`,
        [trail],
      );
    }
  }
  for (const contender of CONTENDERS) await client.query(`VACUUM ANALYZE ${contender}."${TABLE}"`);
  await client.query('CHECKPOINT');
}

/** The same changes in the seed's trail and in ours, `times` of each row of `source`: what months of use leave in front of a writer. */
export async function fillTrails(client: Client, times: number): Promise<void> {
  const changes = `FROM source s, generate_series(1, ${times})`;
  await client.query(
    `INSERT INTO audit_log (table_name, operation, old_data, new_data, user_id)
     SELECT '${TABLE}', 'UPDATE', to_jsonb(s), to_jsonb(s), s."studentId" ${changes}`,
  );
  await client.query(
    `INSERT INTO ${trailNames(SPECS.ours).trail} (table_name, operation, old_data, new_data, user_id, table_schema, key, key_hash)
     SELECT '${TABLE}', 'UPDATE', to_jsonb(s), to_jsonb(s), s."studentId", 'ours', jsonb_build_object('id', s."id"),
            jsonb_hash_extended(to_jsonb(s."id"), 0) ${changes}`,
  );
  await client.query(`VACUUM ANALYZE audit_log`);
  await client.query(`VACUUM ANALYZE ${trailNames(SPECS.ours).trail}`);
}
