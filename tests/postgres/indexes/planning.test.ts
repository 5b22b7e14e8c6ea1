import { type Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { applyIndexSteps } from '../../../postgres/indexes/apply';
import { readIndex } from '../../../postgres/indexes/catalog';
import { ensureIndex, planIndexes } from '../../../postgres/indexes/ensure';
import { planText } from '../../../postgres/indexes/print';
import { resolveIndexes } from '../../../postgres/indexes/resolve';
import { searchPathOf } from '../../../postgres/indexes/session';
import type { IndexSpec } from '../../../postgres/spec';
import { failure, indexStage, spec, STUDENT } from './stage';

const stage = indexStage('planning');
const { table, session: freshSession } = stage;
let client: Client;
beforeAll(() => {
  client = stage.client;
});

describe('planning many', () => {
  it('asks the same number of catalog queries for one index and for twenty', async () => {
    await table(STUDENT);
    const wanted = Array.from({ length: 20 }, (_, index) => spec({ name: `idx_${index}`, columns: [{ name: 'n' }] }));
    const counted = async (specs: IndexSpec[]) => {
      const seen: string[] = [];
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      const spy = (...args: unknown[]) => {
        if (typeof args[0] === 'string') seen.push(args[0]);
        return query(...args);
      };
      Object.defineProperty(client, 'query', { value: spy, configurable: true });
      await planIndexes(client, specs);
      Reflect.deleteProperty(client, 'query');
      return seen.filter((text) => /pg_class|pg_index/.test(text)).length;
    };
    expect(await counted(wanted)).toBe(await counted(wanted.slice(0, 1)));
  });

  it('does not touch the table: a definition is understood while somebody holds it exclusively', async () => {
    await table(STUDENT);
    const other = await freshSession();
    await other.query(`BEGIN; LOCK TABLE "Student" IN ACCESS EXCLUSIVE MODE`);
    const wanted = spec({ columns: [{ name: 'lower(location)', expression: true }], predicate: 'n > 1' });
    await client.query(`SET lock_timeout = 500`);
    try {
      const [resolution] = await resolveIndexes(client, [wanted]);
      expect(resolution?.wanted?.description).toMatchObject({ predicate: '(n > 1)' });
    } finally {
      await client.query('RESET lock_timeout');
      await other.end();
    }
    // And nothing of the trial stays.
    const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relpersistence = 't'`);
    expect(rows).toEqual([]);
  });

  it('says so where trials are not allowed', async () => {
    await table(STUDENT);
    await client.query('SET default_transaction_read_only = on');
    const error = await failure(planIndexes(client, [spec()]));
    await client.query('RESET default_transaction_read_only');
    expect([error.code, error.remedy]).toEqual(['index-trial-refused', expect.stringContaining('primary server')]);
  });

  it('prints statements with their reasons, and indexes that are there twice', async () => {
    await table(
      `${STUDENT}; CREATE INDEX idx_student_location ON "Student" (language); CREATE INDEX twin ON "Student" (location)`,
    );
    const [planned] = await planIndexes(client, [spec()], { role: stage.owner });
    if (planned === undefined) throw new Error('no plan');
    expect(planText(planned.plan)).toMatch(
      /replace: columns location instead of language\n {2}-- build: .*\n {2}CREATE INDEX CONCURRENTLY .*;\n[^]*ALTER INDEX [^]*twin/,
    );
    expect((await readIndex(client, 'public', 'idx_student_location'))?.keys[0]?.column).toBe('language');
  });
});

describe('what stands in an expression or predicate', () => {
  const injected = async (): Promise<unknown> =>
    (await client.query<{ found: string | null }>(`SELECT to_regclass('public.injected')::text AS found`)).rows[0]
      ?.found;

  it('is one piece of one statement, in the trial and in the work', async () => {
    await table('CREATE TABLE pieces (n int)');
    const predicate = 'true); COMMIT; CREATE TABLE public.injected (); SELECT (1';
    const spec = { name: 'idx_pieces', schema: 'public', table: 'pieces', columns: [{ name: 'n' }], predicate };
    const [planned] = await planIndexes(client, [spec]);
    expect(planned?.plan.problems).toMatchObject([{ code: 'index-definition-refused' }]);
    expect(await injected()).toBeNull();
    const index = { schema: 'public', name: 'idx_pieces' };
    for (const phase of ['alone', 'transaction'] as const) {
      const sql = ['SELECT 1; CREATE TABLE public.injected ()'];
      const step = { phase, action: 'drop', index, sql, reason: '' } as const;
      await expect(applyIndexSteps(client, { ...index, table: 'pieces' }, [step]), phase).rejects.toMatchObject({
        code: 'index-failed',
        message: expect.stringContaining('multiple commands') as unknown,
      });
    }
    expect(await injected()).toBeNull();
  });

  it('is looked up in the temporary schema last', () => {
    expect(searchPathOf('a b')).toBe('"a b", public, pg_temp');
  });

  it('means the same to a session without a search path, as all of the platform are', async () => {
    await table(`CREATE TABLE pieces (n int);
      CREATE FUNCTION public.doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'`);
    const columns = [{ name: 'doubled(n)', expression: true }];
    const spec = { name: 'idx_doubled', schema: 'public', table: 'pieces', columns };
    await withClient(stage.database.target, async (own) => {
      expect((await ensureIndex(own, spec)).action).toBe('create');
      expect((await ensureIndex(own, spec)).action).toBe('none');
    });
  });
});
