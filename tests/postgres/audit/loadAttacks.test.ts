import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { attempt, pattern, SCHEMA, TABLE_ATTACKS, TABLES } from './attacks';
import { type AuditedDatabase, auditedDatabase } from './support';

let database: AuditedDatabase;
beforeAll(async () => {
  database = await auditedDatabase('audit_load_attack', SCHEMA, { tables: TABLES });
  await database.up();
  await database.admin.query(`INSERT INTO "Student" VALUES ('a', 'Ana', 'hunter2')`);
});
afterAll(() => database.drop());

const SUSPEND = `SELECT audit.suspend('load')`;
const DROP = 'ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"';
const MAKE = 'ALTER TABLE "Student" ADD PRIMARY KEY (id)';
const NO_KEY = 'table public.Student is audited, and its primary key would no longer be (id).';
const GUARDED = `42501 ALTER TABLE is refused: ${NO_KEY}`;
const ENDED = `42501 Ending the suspension is refused: ${NO_KEY}`;

/** In one transaction that is to be committed, as the loader that has become the owner: what was refused first. */
async function first(before: string[], after: string[]): Promise<string> {
  const client = await database.as('loader');
  try {
    const become = `SET LOCAL ROLE ${database.roles.tableOwner}`;
    return await attempt(client, 'BEGIN', ...before, become, ...after, 'COMMIT');
  } finally {
    await client.end();
  }
}

describe('a load that suspends the trail', () => {
  it.each<[string, string[], string, string[]?]>([
    ['leaves a table without its key', [DROP], ENDED],
    ['leaves the column of the key out', ['ALTER TABLE "Student" DROP COLUMN id'], ENDED],
    ['ends the suspension before the key is there again', [DROP, 'SET CONSTRAINTS ALL IMMEDIATE', MAKE], ENDED],
    ['ends it by name', [DROP, 'RESET ROLE', 'SET CONSTRAINTS audit.resume IMMEDIATE'], ENDED],
    [
      'swallows the refusal',
      [DROP, `DO $$BEGIN SET CONSTRAINTS ALL IMMEDIATE; EXCEPTION WHEN OTHERS THEN NULL; END$$`],
      ENDED,
    ],
    ['drops the key after the suspension has ended', [DROP, MAKE, 'SET CONSTRAINTS ALL IMMEDIATE', DROP], GUARDED],
    ['suspends when constraints are immediate', [DROP], GUARDED, ['SET CONSTRAINTS ALL IMMEDIATE', SUSPEND]],
    ['takes the suspension back', [DROP], GUARDED, ['SAVEPOINT a', SUSPEND, 'ROLLBACK TO a']],
    ['suspends another table', [DROP], GUARDED, [`SELECT audit.suspend('load', '{Event}')`]],
    [
      'says that it has suspended',
      [DROP],
      GUARDED,
      [`SELECT set_config('coach_audit.suspended', txid_current()::text, true)`],
    ],
    ['makes the key of another column', [DROP, 'ALTER TABLE "Student" ADD PRIMARY KEY (name)'], GUARDED],
    ['makes it of more columns', [DROP, 'ALTER TABLE "Student" ADD PRIMARY KEY (id, name)'], GUARDED],
    [
      'renames its column',
      [DROP, 'ALTER TABLE "Student" RENAME id TO identity', 'ALTER TABLE "Student" ADD PRIMARY KEY (identity)'],
      GUARDED,
    ],
    ['makes a unique index in its place', [DROP, 'CREATE UNIQUE INDEX "Student_pkey" ON "Student" (id)'], ENDED],
    [
      'makes it of a partitioned table alone, without the partitions',
      ['ALTER TABLE "Event" DROP CONSTRAINT "Event_pkey"', 'ALTER TABLE ONLY "Event" ADD PRIMARY KEY (id, year)'],
      '42501 Ending the suspension is refused: table public.Event is audited, and its primary key would no longer be (id, year).',
    ],
    ['takes the suspension back with what came after it', ['SAVEPOINT a', DROP, 'ROLLBACK TO a'], 'done'],
    ['makes the key again', [DROP, MAKE], 'done'],
    ['suspends twice', [DROP, 'RESET ROLE', SUSPEND, `SET LOCAL ROLE inherited`, MAKE], 'done'],
  ])('%s', async (_what, statements, refused, before = [SUSPEND]) => {
    const owned = statements.map((sql) => sql.replace('inherited', database.roles.tableOwner));
    expect(await first(before, owned)).toBe(refused);
    expect(await database.plan()).toMatchObject({ steps: [], problems: [] });
  });

  /** A trigger of the owner's that runs at COMMIT, in the order in which what fires it was done. */
  const atCommit = (body: string): string[] => [
    `CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${body}; RETURN NULL; END$$`,
    'CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON "Note" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()',
    'INSERT INTO "Note" VALUES (1)',
  ];

  it('drops the key at COMMIT, before the suspension ends, after it, or in another one that begins there', async () => {
    const { tableOwner, loader } = database.roles;
    const become = `SET LOCAL ROLE ${tableOwner}`;
    expect(await first([become, ...atCommit(DROP), 'RESET ROLE', SUSPEND], [])).toBe(ENDED);
    expect(await first([SUSPEND], atCommit(DROP))).toBe(GUARDED);
    const again = `SET LOCAL ROLE ${loader}; PERFORM audit.suspend('again'); ${become}; ${DROP}`;
    expect(await first([SUSPEND], atCommit(again))).toBe(ENDED);
    expect(await database.plan()).toMatchObject({ steps: [], problems: [] });
  });

  it('leaves it away as a superuser, who would not be refused outside of a suspension', async () => {
    const { admin } = database;
    expect(await attempt(admin, `BEGIN; ${SUSPEND}; ${DROP}; COMMIT`)).toBe(ENDED);
    await admin.query('ROLLBACK');
    expect(await attempt(admin, `BEGIN; ${DROP}; ROLLBACK`)).toBe('done');
  });
});

/** What drops the key: allowed until the suspension ends. */
const isKeyDropped = (sql: string): boolean => /DROP (CONSTRAINT "Student_pkey"|COLUMN id)$/.test(sql);

describe('a suspension allows nothing else that is refused without it', () => {
  it.each(TABLE_ATTACKS)('$name', async ({ name, statements, refused }) => {
    const client = await database.as('migrator');
    try {
      await client.query(`BEGIN; ${SUSPEND}; SET LOCAL ROLE ${database.roles.tableOwner}`);
      const expected = isKeyDropped(name) ? ENDED : refused;
      expect(await attempt(client, ...statements, 'COMMIT')).toMatch(pattern(expected));
    } finally {
      await client.end();
    }
  });
});
