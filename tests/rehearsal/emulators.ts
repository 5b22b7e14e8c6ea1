import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { ACCOUNT } from './clients';

/** An AWS of the test's own on loopback, with a folder of its own. */
export interface Emulator {
  endpoint: string;
  /** What it wrote to its standard outputs. */
  log(): string;
  stop(): Promise<void>;
}

const PROGRAMS = { ministack: 'ministack', moto: 'moto_server' } as const;
export type EmulatorName = keyof typeof PROGRAMS;

/** Why the rehearsal is skipped, for its title; empty: it is not. */
export function missing(...names: EmulatorName[]): string {
  const absent = names.map((name) => PROGRAMS[name]).filter((program) => onPath(program) === undefined);
  return absent.length === 0 ? '' : ` (skipped: no ${absent.join(', no ')} on PATH)`;
}

function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** `environment`: more for the emulator, such as where functions find the database. */
export async function startEmulator(name: EmulatorName, environment: NodeJS.ProcessEnv = {}): Promise<Emulator> {
  const program = onPath(PROGRAMS[name]);
  if (program === undefined) throw new Error(`${PROGRAMS[name]} is not installed`);
  const [folder, port] = [mkdtempSync(join(tmpdir(), `coach-${name}-`)), await freePort()];
  const [state, s3, temporary] = ['state', 's3', 'tmp'].map((one) => join(folder, one)) as [string, string, string];
  for (const one of [state, s3, temporary]) mkdirSync(one);
  const variables = {
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    MINISTACK_ACCOUNT_ID: ACCOUNT,
    MINISTACK_HOST: '127.0.0.1',
    MOTO_ACCOUNT_ID: ACCOUNT,
    STATE_DIR: state,
    S3_DATA_DIR: s3,
    TMPDIR: temporary,
    LOG_LEVEL: 'WARNING',
  };
  const started = spawn(program, name === 'moto' ? ['-H', '127.0.0.1', '-p', String(port)] : [], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    env: { ...process.env, ...variables, ...environment },
  });
  const said: string[] = [];
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(endpoint, started, said);
  return {
    endpoint,
    log: () => said.join(''),
    stop: async () => {
      await ended(started);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(endpoint: string, started: ChildProcess, said: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (started.exitCode !== null) break;
    try {
      await fetch(endpoint);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await ended(started);
  throw new Error(`${started.spawnfile} does not answer:\n${said.join('').slice(-2000)}`);
}

function ended(started: ChildProcess): Promise<void> {
  if (started.exitCode !== null || started.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const insist = setTimeout(() => started.kill('SIGKILL'), 5_000);
    started.once('exit', () => {
      clearTimeout(insist);
      resolve();
    });
    started.kill('SIGTERM');
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
