import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { S3 } from '@aws-sdk/client-s3';

import { startFakeS3 } from './fakeS3';

export const ACCESS_KEY = 'AKIDTESTONLY';
export const SECRET_KEY = 'test-secret-of-nobody';

/** An S3 of the test's own on loopback. */
export interface Emulator {
  endpoint: string;
  /** As root of the service. */
  s3: S3;
  /** Adds an account that owns nothing; undefined where the emulator has no accounts. */
  addAccount?: (access: string, secret: string) => Promise<void>;
  stop(): Promise<void>;
}

/** `fake`: our own, everywhere and with the least of S3. The others where they are installed. */
export const EMULATORS = ['fake', 'versitygw', 'moto'] as const;
export type EmulatorName = (typeof EMULATORS)[number];

const PROGRAM = { fake: undefined, versitygw: 'versitygw', moto: 'moto_server' };

/** Where the emulator's program is; `null`: it is not installed. */
export function programOf(name: EmulatorName): string | null | undefined {
  const program = PROGRAM[name];
  if (program === undefined) return undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), 'go', 'bin')];
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null;
}

/** Why the tests of an emulator are skipped, for their title; empty: they are not. */
export const missing = (name: EmulatorName): string =>
  programOf(name) === null ? ` (skipped: no ${PROGRAM[name]} on PATH)` : '';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function startEmulator(name: EmulatorName): Promise<Emulator> {
  const program = programOf(name);
  if (program === null) throw new Error(`${name} is not installed`);
  if (program === undefined) {
    const fake = await startFakeS3();
    return { endpoint: fake.endpoint, s3: clientOf(fake.endpoint), stop: () => fake.stop() };
  }
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'coach-s3-'));
  const started = name === 'moto' ? startMoto(program, port, folder) : startVersity(program, port, folder);
  const s3 = clientOf(endpoint);
  await answering(s3, started, name);
  const addAccount = async (access: string, secret: string): Promise<void> => {
    const admin = ['admin', '-a', ACCESS_KEY, '-s', SECRET_KEY, '-er', endpoint];
    await promisify(execFile)(program, [...admin, 'create-user', '-a', access, '-s', secret, '-r', 'user']);
  };
  return { endpoint, s3, ...(name === 'versitygw' ? { addAccount } : {}), stop: () => stop(started) };
}

const clientOf = (endpoint: string): S3 =>
  new S3({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  });

const startMoto = (program: string, port: number, cwd: string): ChildProcess =>
  spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore', cwd });

function startVersity(program: string, port: number, folder: string): ChildProcess {
  const [root, versions, sidecar, iam] = ['root', 'versions', 'sidecar', 'iam'].map((one) => join(folder, one)) as [
    string,
    string,
    string,
    string,
  ];
  for (const one of [root, versions, sidecar, iam]) mkdirSync(one);
  const service = ['-a', ACCESS_KEY, '-s', SECRET_KEY, '-p', `127.0.0.1:${port}`, '--quiet', '--keep-alive'];
  const storage = ['--iam-dir', iam, 'posix', '--versioning-dir', versions, '--sidecar', sidecar, root];
  return spawn(program, [...service, ...storage], { stdio: 'ignore', cwd: folder });
}

async function answering(s3: S3, started: ChildProcess, name: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (started.exitCode !== null) throw new Error(`${name} ended with ${started.exitCode}`);
    try {
      await s3.listBuckets();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${name} does not answer`);
}

function stop(started: ChildProcess): Promise<void> {
  if (started.exitCode !== null) return Promise.resolve();
  const ended = new Promise<void>((resolve) => started.once('exit', () => resolve()));
  started.kill('SIGKILL');
  return ended;
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
