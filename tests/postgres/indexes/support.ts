import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

import { Client } from 'pg';

import { readIndexes } from '../../../postgres/indexes/catalog';
import type { ConnectionTarget, IndexSpec } from '../../../postgres/spec';
import { ROOT } from '../../support/compiled';
import { eventually } from '../../support/eventually';

export interface Building {
  child: ChildProcess;
  /** Resolves once the process has printed that line. */
  said(line: string): Promise<void>;
  kill(): Promise<void>;
}

export function startBuilding(argument: {
  compiled: string;
  target: ConnectionTarget;
  spec: IndexSpec;
  role?: string;
  stopAt?: number;
}): Building {
  const child = spawn(process.execPath, [join(__dirname, 'building.cjs'), JSON.stringify(argument)], {
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const listeners = new Set<() => void>();
  const notify = () => listeners.forEach((listener) => listener());
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
    notify();
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    child,
    said: (line) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (output.split('\n').includes(line)) resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`the process ended without "${line}": ${output}`)));
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export async function connect(target: ConnectionTarget, applicationName = 'test'): Promise<Client> {
  const client = new Client({ ...target, application_name: applicationName });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The process id of whoever builds an index of this database and stands in a phase that begins so. */
export function builderIn(client: Client, phase: string): Promise<number> {
  return eventually(`a build in phase ${phase}`, async () => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE $1 || '%'`,
      [phase],
    );
    return rows[0]?.pid;
  });
}

/** Every index of the schema that backs no constraint, with whether it is valid. */
export async function standing(client: Client, schema = 'public'): Promise<[string, string, boolean][]> {
  const indexes = await readIndexes(client, { schemas: [schema] });
  return indexes
    .filter((index) => index.status.constraint === null)
    .map((index) => [index.name, index.keys.map((key) => key.column ?? key.expression).join(','), index.status.valid]);
}
