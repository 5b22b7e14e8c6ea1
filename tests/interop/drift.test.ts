import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asAdmin, stateOf } from '../faults/support';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { missingPulumi, PULUMI_ENVIRONMENT } from '../support/pulumi';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: drift repaired by either engine (${reason})\n`);

/** What somebody did by hand, and the resource whose `up` repairs it. */
const DRIFTS: [string, string, string][] = [
  ['an index is gone', 'DROP INDEX idx_user_email', 'idx_user_email'],
  [
    'an index is another one',
    'DROP INDEX idx_user_email; CREATE INDEX idx_user_email ON "User" (id)',
    'idx_user_email',
  ],
  ['a role has another limit', 'ALTER ROLE inclusive CONNECTION LIMIT 3', 'role-inclusive'],
  ['a role may more', 'ALTER ROLE coach_readonly CREATEDB CREATEROLE', 'role-coach_readonly'],
  ['a role has another password', "ALTER ROLE coach_monitor PASSWORD 'other'", 'role-coach_monitor'],
  ['a role is member of another', 'GRANT coach_owner TO inclusive', 'role-inclusive'],
  ['a role has a setting', "ALTER ROLE inclusive SET work_mem = '2GB'", 'database-login-settings'],
  ['a right on a table is gone', 'REVOKE INSERT ON "User" FROM inclusive', 'privileges'],
  ['everybody has a right on a table', 'GRANT UPDATE ON "User" TO PUBLIC', 'privileges'],
  ['a right on the schema is gone', 'REVOKE USAGE ON SCHEMA public FROM inclusive', 'database-inclusive-public-schema'],
  [
    'a trigger of the trail is off',
    `DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE "User" DISABLE TRIGGER %I', tgname) FROM pg_trigger WHERE tgrelid = '"User"'::regclass AND tgname LIKE '00\\_audit\\_%' LIMIT 1); END $$`,
    'audit-trail',
  ],
  [
    'a trigger of the trail is gone',
    `DO $$ BEGIN EXECUTE (SELECT format('DROP TRIGGER %I ON "User"', tgname) FROM pg_trigger WHERE tgrelid = '"User"'::regclass AND tgname LIKE '00\\_audit\\_%' LIMIT 1); END $$`,
    'audit-trail',
  ],
  ['an extension is gone', 'DROP EXTENSION pg_stat_statements', 'database-pg_stat_statements'],
  ['a parameter is another one', "ALTER SYSTEM SET work_mem = '9MB'", 'server'],
];

type Engine = 'pulumi' | 'embedded';
let project: TestProject;

/** Names of what an `up` changed. */
async function up(engine: Engine): Promise<string[]> {
  const { code, report, stderr } = await project.json(['up', '--yes', '--engine', engine], PULUMI_ENVIRONMENT);
  expect(code, `${engine}: ${JSON.stringify(report['problems'])}\n${stderr}`).toBe(0);
  const changes = report['changes'] as { name: string; type: string; operation: string }[];
  return changes
    .filter(({ operation, type }) => operation !== 'same' && !/^(coach|pulumi:pulumi)/.test(type))
    .map(({ name }) => name);
}

/** All that the drifts touch, as the catalog has it. */
function database(): Promise<unknown> {
  return asAdmin(project, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT json_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public') AS indexes,
              (SELECT json_agg(json_build_array(rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
                 rolconnlimit, rolvaliduntil, rolbypassrls) ORDER BY rolname) FROM pg_roles) AS roles,
              (SELECT json_agg(json_build_array(roleid::regrole, member::regrole, admin_option) ORDER BY roleid, member) FROM pg_auth_members) AS members,
              (SELECT json_agg(json_build_array(setdatabase, setrole::regrole, setconfig) ORDER BY setdatabase, setrole) FROM pg_db_role_setting) AS settings,
              (SELECT json_agg(json_build_array(relname, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a)) ORDER BY relname)
                 FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS rights,
              (SELECT json_agg(a::text ORDER BY a::text) FROM pg_namespace, unnest(nspacl) a WHERE nspname = 'public') AS schema,
              (SELECT json_agg(json_build_array(tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid)) ORDER BY tgrelid::regclass::text, tgname)
                 FROM pg_trigger WHERE NOT tgisinternal) AS triggers,
              (SELECT json_agg(json_build_array(extname, extnamespace::regnamespace, extversion) ORDER BY extname) FROM pg_extension) AS extensions,
              current_setting('work_mem') AS work_mem`,
    );
    return rows[0] as unknown;
  });
}

/** Without what says nothing of the resource: the order of dependencies, the provider's own note, and whether an empty list is one or null. */
async function state(): Promise<unknown> {
  const resources = await stateOf(project);
  return Object.fromEntries(
    resources.map(({ urn, id, inputs, outputs, dependencies, protect }) => [
      urn,
      { id, inputs, outputs: plain(outputs), dependencies: [...dependencies].sort(), protect },
    ]),
  );
}

function plain(outputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => name !== '__pulumi_raw_state_delta')
      .map(([name, value]) => [name, Array.isArray(value) && value.length === 0 ? null : value]),
  );
}

describe.skipIf(reason !== undefined)('drift', { timeout: 900_000 }, () => {
  let declared: unknown;
  beforeAll(async () => {
    project = await deployedProject();
    await up('pulumi');
    declared = await database();
  }, 180_000);
  afterAll(() => project.remove());

  /** Both end in the same, and leave the other one nothing to do. */
  async function expectRepaired(drifts: typeof DRIFTS): Promise<void> {
    const states: unknown[] = [];
    for (const engine of ['pulumi', 'embedded'] as const) {
      for (const [, sql] of drifts) await asAdmin(project, (client) => client.query(sql));
      expect(await database(), engine).not.toEqual(declared);
      const repaired = await up(engine);
      for (const [what, , name] of drifts) expect(repaired, `${engine}: ${what}`).toContain(name);
      expect(await database(), engine).toEqual(declared);
      states.push(await state());
      expect(await up(engine === 'pulumi' ? 'embedded' : 'pulumi'), `after ${engine}`).toEqual([]);
      states.push(await state());
    }
    for (const one of states.slice(1)) expect(one).toEqual(states[0]);
  }

  if (process.env['COACH_CHAOS'] === '1') it.each(DRIFTS)('%s', (...drift) => expectRepaired([drift]));
  else
    it('of every kind at once', () =>
      expectRepaired(
        DRIFTS.filter(([what]) => what !== 'an index is another one' && what !== 'a trigger of the trail is gone'),
      ));
});
