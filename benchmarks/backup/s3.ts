import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { S3 } from '@aws-sdk/client-s3';

import { type Manifest, MANIFEST_FORMAT, type ManifestFile } from '../../postgres/backup/manifest';
import { writeManifest } from '../../postgres/backup/manifestFile';
import { openStore } from '../../postgres/backup/s3/store';
import { median, spread, timed } from '../statistics';

const HELP = `npm run benchmark:s3 -- [--mb 1000] [--rounds 3]

Uploads files into an emulator (versitygw or moto_server on PATH) that it starts itself, and compares with the same bytes sent from memory by the SDK
alone, as many requests at once.

  --mb      size of all files
  --rounds  how often each is measured, in turn
`;

const MEBIBYTE = 1024 * 1024;
const PART_BYTES = 8 * MEBIBYTE;
const AT_ONCE = 4;
const ACCOUNT = { AWS_ACCESS_KEY_ID: 'BENCHMARK', AWS_SECRET_ACCESS_KEY: 'benchmark-secret' };

export interface UploadFigures {
  emulator: string;
  bytes: number;
  /** Seconds of each round. */
  raw: number[];
  ours: number[];
  /** Speed of ours, as a share of the raw one's. Goal: at least 0.9. */
  ratio: number;
  /** Most memory of this process while uploading, in bytes. Goal: under 200 MB. */
  peakBytes: number;
}

/** Measures uploads of so many bytes, most of them in one file. Undefined: there is no emulator on PATH. */
export async function measureUpload(bytes: number, rounds: number): Promise<UploadFigures | undefined> {
  const name = ['versitygw', 'moto_server'].find(isInstalled);
  if (name === undefined) return undefined;
  Object.assign(process.env, ACCOUNT);
  const folder = mkdtempSync(join(tmpdir(), 'coach-benchmark-s3-'));
  const emulator = await startEmulator(name, folder);
  try {
    const { s3, endpoint } = emulator;
    await s3.createBucket({ Bucket: 'benchmark' });
    const files = makeFiles(join(folder, 'backup'), bytes);
    const seconds: Record<'raw' | 'ours', number[]> = { raw: [], ours: [] };
    let peakBytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      const order = ['raw', 'ours'] as const;
      for (const contender of round % 2 === 0 ? order : order.toReversed()) {
        if (contender === 'raw') seconds.raw.push(await timed(() => sendRaw(s3, bytes, round)));
        else {
          const manifest = manifestOf(files, round);
          writeManifest(join(folder, 'backup'), manifest);
          const store = await openStore({ bucket: 'benchmark', endpoint, concurrency: AT_ONCE }, 'benchmark');
          const watch = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())), 20);
          seconds.ours.push(await timed(() => store.upload(join(folder, 'backup'), manifest)));
          clearInterval(watch);
          store.close();
        }
      }
    }
    const ratio = median(seconds.raw.map((raw, round) => raw / (seconds.ours[round] ?? NaN)));
    return { emulator: name, bytes, ...seconds, ratio, peakBytes };
  } finally {
    emulator.process.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The parts of one object from memory, sent by the SDK's client and by nothing else. */
async function sendRaw(s3: S3, bytes: number, round: number): Promise<void> {
  const object = { Bucket: 'benchmark', Key: `raw-${round}` };
  const { UploadId } = await s3.createMultipartUpload(object);
  const Body = randomBytes(PART_BYTES);
  const numbers = Array.from({ length: Math.ceil(bytes / PART_BYTES) }, (_, index) => index + 1).values();
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  const worker = async (): Promise<void> => {
    for (const PartNumber of numbers) {
      const { ETag } = await s3.uploadPart({ ...object, UploadId, PartNumber, Body });
      Parts.push({ PartNumber, ETag });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  Parts.sort((a, b) => a.PartNumber - b.PartNumber);
  await s3.completeMultipartUpload({ ...object, UploadId, MultipartUpload: { Parts } });
}

/** As a dump has them: one large file, and some small ones. */
function makeFiles(folder: string, bytes: number): ManifestFile[] {
  mkdirSync(join(folder, 'dump'), { recursive: true });
  const small = Array.from({ length: 20 }, (_, index) => [`dump/${3000 + index}.dat.zst`, 100_000] as const);
  return [...small, ['dump/4000.dat.zst', bytes - 20 * 100_000] as const].map(([path, size]) => {
    const hash = createHash('sha256');
    const file = openSync(join(folder, path), 'w');
    for (let left = size; left > 0; left -= PART_BYTES) {
      const chunk = randomBytes(Math.min(PART_BYTES, left));
      hash.update(chunk);
      writeSync(file, chunk);
    }
    closeSync(file);
    return { path, bytes: size, sha256: hash.digest('hex') };
  });
}

const manifestOf = (files: ManifestFile[], round: number): Manifest => ({
  format: MANIFEST_FORMAT,
  id: `20261126T0200${String(round).padStart(2, '0')}Z-0000`,
  stack: 'benchmark',
  database: { name: 'benchmark', system: null },
  layout: 'directory',
  compression: 'zstd',
  encryption: null,
  generation: 'daily',
  reason: 'manual',
  by: 'benchmark',
  startedAt: '2026-11-26T02:00:00.000Z',
  finishedAt: '2026-11-26T02:01:00.000Z',
  seconds: {},
  server: { version: '18', major: 18 },
  tools: { pgDump: '18', coachdb: '0' },
  walPosition: '0/0',
  files,
  tables: [],
  largeObjects: 0,
  bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
});

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function startEmulator(
  name: string,
  folder: string,
): Promise<{ process: ChildProcess; s3: S3; endpoint: string }> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const root = join(folder, 'root');
  mkdirSync(root);
  const access = ['-a', ACCOUNT.AWS_ACCESS_KEY_ID, '-s', ACCOUNT.AWS_SECRET_ACCESS_KEY];
  const options =
    name === 'moto_server'
      ? ['-H', '127.0.0.1', '-p', String(port)]
      : [...access, '-p', `127.0.0.1:${port}`, '--quiet', '--keep-alive', 'posix', '--sidecar', folder, root];
  const emulator = spawn(name, options, { stdio: 'ignore', cwd: folder });
  const { S3: Client } = await import('@aws-sdk/client-s3');
  const s3 = new Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // As ours: it would be a connection for each part.
    expectContinueHeader: false,
  });
  for (let attempt = 0; ; attempt += 1) {
    try {
      await s3.listBuckets();
      return { process: emulator, s3, endpoint };
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mb: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return void process.stdout.write(HELP);
  const figures = await measureUpload(Number(values.mb) * 1e6, Number(values.rounds));
  if (figures === undefined) throw new Error('There is neither versitygw nor moto_server on PATH.');
  const { emulator, bytes, raw, ours, ratio, peakBytes } = figures;
  process.stdout.write(
    `${emulator}, ${bytes / 1e6} MB\nraw: ${spread(raw)}\nupload: ${spread(ours)}; ${ratio.toFixed(2)} of the raw speed, goal: at least 0.9${ratio < 0.9 ? ', missed' : ''}\n` +
      `memory: ${Math.round(peakBytes / 1e6)} MB, goal: under 200${peakBytes < 200e6 ? '' : ', missed'}\n`,
  );
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  });
