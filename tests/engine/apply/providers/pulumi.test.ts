import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import type { Properties, ResourceProvider } from '../../../../engine/apply/provider';
import { createPostgresqlProvider } from '../../../../engine/apply/providers/postgresql';
import { createRandomProvider } from '../../../../engine/apply/providers/random';
import { freshDatabase, type TestDatabase } from '../../../support/database';
import { missingPulumi } from '../../../support/pulumi';
import { type Declared, PulumiProject, type Stored } from './pulumiProject';

const suffix = randomBytes(4).toString('hex');
const owner = `pl_owner_${suffix}`;
const app = `pl_app_${suffix}`;
const database = `pl_db_${suffix}`;
const PASSWORD = 'a first password';
/** Each command of Pulumi's takes seconds. */
const PATIENCE_MS = 240_000;

const pg = (kind: string, name: string, inputs: Properties): Declared => {
  const module = kind.charAt(0).toLowerCase() + kind.slice(1);
  return { type: `postgresql:index/${module}:${kind}`, name, inputs };
};
const grant = (name: string, inputs: Properties): Declared => pg('Grant', name, { database, role: app, ...inputs });

const program = (password: string): Declared[] => [
  { type: 'random:index/randomPassword:RandomPassword', name: 'password', inputs: { length: 24, special: false } },
  pg('Role', 'owner', { name: owner, login: false, roles: [] }),
  pg('Role', 'app', { name: app, login: true, roles: ['pg_monitor'], connectionLimit: 20, password, assumeRole: '' }),
  pg('Database', 'database', {
    name: database,
    owner,
    encoding: 'UTF8',
    lcCollate: 'C',
    lcCtype: 'C',
    template: 'template0',
  }),
  pg('Extension', 'pg_trgm', { name: 'pg_trgm', database }),
  grant('connect', { objectType: 'database', privileges: ['CONNECT'] }),
  grant('nobody', { role: 'public', objectType: 'database', privileges: [] }),
  grant('usage', { objectType: 'schema', schema: 'public', privileges: ['USAGE'] }),
  grant('tables', { objectType: 'table', schema: 'public', privileges: ['UPDATE', 'SELECT'] }),
  grant('functions', { objectType: 'function', schema: 'public', privileges: ['EXECUTE'] }),
  pg('DefaultPrivileges', 'later', {
    database,
    owner,
    role: app,
    schema: 'public',
    objectType: 'table',
    privileges: ['SELECT'],
  }),
];

const reason = missingPulumi();

describe('back and forth with Pulumi’s own providers', () => {
  let project: PulumiProject;
  let base: TestDatabase;
  let ours: ResourceProvider;
  const random = createRandomProvider();
  const providerOf = (type: string): ResourceProvider => (type.startsWith('random:') ? random : ours);

  beforeAll(async () => {
    if (reason !== undefined) return;
    const { host, port, user, password } = inject('cluster');
    base = await freshDatabase('pulumi');
    ours = createPostgresqlProvider({ host, port: String(port), username: user, password, sslmode: 'disable' });
    const server = { host, port, username: user, password, sslmode: 'disable', superuser: true, connectTimeout: 15 };
    project = new PulumiProject(server, program(PASSWORD));
    await project.run('stack', 'init', 'dev');
  });
  afterAll(async () => {
    if (reason !== undefined) return;
    await ours.close();
    await base.client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await base.client.query(`DROP ROLE IF EXISTS ${owner}, ${app}`);
    await base.drop();
    project.remove();
  });

  /** What the embedded engine does with each resource: check, read, diff, then what is needed. */
  async function applyOurs(
    declared: readonly Declared[],
    stored: readonly Stored[],
  ): Promise<{ state: Stored[]; changed: string[] }> {
    const state: Stored[] = [];
    const changed: string[] = [];
    for (const { type, name, inputs: given } of declared) {
      const provider = providerOf(type);
      const old = stored.find((resource) => resource.name === name);
      const { inputs } = await provider.check(type, old?.inputs, given);
      const now = old && (await provider.read(type, old.id, old.outputs, old.inputs));
      const diff = now && (await provider.diff(type, now.id, now.outputs, old?.inputs ?? {}, inputs));
      if (now === undefined || diff === undefined) {
        changed.push(name);
        state.push({ type, name, inputs, ...(await provider.create(type, inputs)) });
      } else if (diff.changed.length === 0) {
        state.push({ type, name, inputs, ...now });
      } else {
        expect(diff.replaces).toEqual([]);
        changed.push(name);
        state.push({
          type,
          name,
          inputs,
          id: now.id,
          ...(await provider.update(type, now.id, now.outputs, old?.inputs ?? {}, inputs)),
        });
      }
    }
    return { state, changed };
  }

  const noChange = (): Promise<string> => project.run('preview', '--stack', 'dev', '--expect-no-changes', '--refresh');

  it.skipIf(reason !== undefined)(
    `Pulumi changes nothing of ours, nor we of Pulumi’s${reason === undefined ? '' : ` (${reason})`}`,
    async () => {
      await project.run('up', '--stack', 'dev', '--yes', '--skip-preview');
      const theirs = await project.export();
      expect((await applyOurs(program(PASSWORD), theirs)).changed).toEqual([]);

      // Everything made again by ours, as far as the state can tell.
      for (const { type, id, outputs } of [...theirs].reverse()) await providerOf(type).delete(type, id, outputs);
      const made = await applyOurs(program(PASSWORD), []);
      await project.import(made.state);
      await noChange();

      // Their refresh completes the password's outputs; nothing of it is a difference to us.
      await project.run('refresh', '--stack', 'dev', '--yes', '--skip-preview');
      expect((await applyOurs(program(PASSWORD), await project.export())).changed).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.skipIf(reason !== undefined)(
    `each goes on from the other’s change${reason === undefined ? '' : ` (${reason})`}`,
    async () => {
      const changedProgram = program('a second password').map((resource) =>
        resource.name === 'tables' ? { ...resource, inputs: { ...resource.inputs, privileges: ['SELECT'] } } : resource,
      );
      await base.client.query(`REVOKE pg_monitor FROM ${app}`);
      await base.client.query(`ALTER ROLE ${owner} CREATEDB`);
      const mended = await applyOurs(changedProgram, await project.export());
      expect(mended.changed.sort()).toEqual(['app', 'owner', 'tables']);
      await project.import(mended.state);
      project.declare(changedProgram);
      await noChange();

      project.declare(program('a third password'));
      await project.run('up', '--stack', 'dev', '--yes', '--skip-preview');
      expect((await applyOurs(program('a third password'), await project.export())).changed).toEqual([]);
      await project.run('destroy', '--stack', 'dev', '--yes', '--skip-preview');
      expect(await project.export()).toEqual([]);
    },
    PATIENCE_MS,
  );
});
