import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

import { readIndexes } from '../../../postgres/indexes/catalog';
import type { ConnectionTarget, IndexSpec } from '../../../postgres/spec';

const ROOT = join(__dirname, '../../..');

/** The library as JavaScript in a folder of its own: a process starts from it in a tenth of the time. */
export function compileLibrary(): string {
  const compiled = mkdtempSync(join(tmpdir(), 'coach-index-'));
  for (const folder of ['postgres', 'postgres/connection', 'postgres/tuning', 'postgres/indexes']) {
    mkdirSync(join(compiled, folder));
    for (const file of readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.ts'))) {
      const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };
      const { outputText } = transpileModule(readFileSync(join(ROOT, folder, file), 'utf8'), { compilerOptions });
      writeFileSync(join(compiled, folder, file.replace(/ts$/, 'js')), outputText);
    }
  }
  return compiled;
}

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

/** Polls until `look` gives something; fails after 20 s. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
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
