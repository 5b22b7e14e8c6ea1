import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';

import { deployedProject } from '../support/deployed';
import { TestProject } from '../support/project';
import { as, checkpointOf, stateOf } from './support';

export const projects: TestProject[] = [];

/** For `afterAll`: every project that a test of the file made. */
export async function removeProjects(): Promise<void> {
  for (const project of projects.splice(0)) await project.remove();
}

export async function deployed(): Promise<TestProject> {
  const project = await deployedProject('coach-folder-');
  projects.push(project);
  return project;
}

/** The project that lies in another folder. */
export function projectAt(root: string): TestProject {
  return Object.assign(Object.create(TestProject.prototype) as TestProject, { root });
}

export function copyOf(project: TestProject): TestProject {
  const copy = projectAt(`${project.root}-copy-${randomUUID()}`);
  execFileSync('cp', ['-a', project.root, copy.root]);
  projects.push(copy);
  return copy;
}

export interface Server {
  status: string;
  pid: number | null;
  port: number;
  dataDirectory: string;
  logFile: string;
  notice: string | null;
}

export async function serverOf(project: TestProject): Promise<Server> {
  const { code, report, stderr } = await project.json(['status']);
  expect(code, stderr).toBe(0);
  // How full the disk is is no matter of the server's.
  return { ...(report['server'] as Server), freeBytes: 0 } as Server;
}

/** A table in a database of which nothing is declared. */
export const mark = (project: TestProject, table: string): Promise<unknown> =>
  as(project, 'postgres', undefined, (client) => client.query(`CREATE TABLE ${table} ()`), 'postgres');
export const has = (project: TestProject, table: string): Promise<boolean> =>
  as(
    project,
    'postgres',
    undefined,
    async (client) => {
      const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
      return rows[0]?.there === true;
    },
    'postgres',
  );
export const identityOf = async (project: TestProject): Promise<unknown> =>
  (await stateOf(project)).find(({ type }) => type.endsWith('coach:Server'))?.outputs['identity'];

/** What `command` says without an engine to choose. */
export async function problemsOf(
  project: TestProject,
  ...command: string[]
): Promise<{ code: string; remedy: string }[]> {
  const { report } = await project.json(command);
  return report['problems'] as { code: string; remedy: string }[];
}

/** The server's entry as states had it: absolute paths, and no word of whose the data is. */
export function makeOld(project: TestProject): void {
  const file = JSON.parse(readFileSync(checkpointOf(project), 'utf8')) as {
    checkpoint: { latest: { resources: { type: string; [place: string]: unknown }[] } };
  };
  const home = project.path('.coachdb', 'local');
  const paths = { dataDirectory: join(home, 'data'), logDirectory: join(home, 'logs'), packageRoot: project.root };
  const actual = { actualDataDirectory: paths.dataDirectory, actualLogDirectory: paths.logDirectory };
  for (const resource of file.checkpoint.latest.resources) {
    if (!resource.type.endsWith('coach:Server')) continue;
    const outputs = { ...(resource['outputs'] as Record<string, unknown>) };
    delete outputs['identity'];
    resource['inputs'] = { ...(resource['inputs'] as object), ...paths };
    resource['outputs'] = { ...outputs, ...paths, ...actual, binariesDirectory: '/nowhere/bin' };
    resource['id'] = paths.dataDirectory;
  }
  writeFileSync(checkpointOf(project), JSON.stringify(file));
  rmSync(join(paths.dataDirectory, 'coachdb-owner.json'));
}
