import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { codeOf, messageOf, PlatformError } from '../../system/errors';
import { AGE, decrypted, type Identity, requireIdentity } from './encryption';
import { type FileFacts, Measured } from './measured';
import { programOnPath } from './programs';

/** As fast as PostgreSQL writes, and smaller than gzip's usual level. */
const ZSTD_LEVEL = 1;

/** Where what is read and written at once is this long, memory stays bounded whatever the archive's size is. */
const CHUNK = 1 << 18;

/** The `zstd` program, which is the one thing that compresses and decompresses reliably on every Node. */
export const zstdProgram = (pathVariable: string): string | undefined => programOnPath('zstd', pathVariable);

export function requireZstd(pathVariable: string): string {
  const program = zstdProgram(pathVariable);
  if (program !== undefined) return program;
  throw new PlatformError(
    'tool-missing',
    'The backup is compressed by zstd, and there is no program zstd on PATH.',
    'Install it: Debian and Ubuntu `apt-get install zstd`, macOS `brew install zstd`.',
    { object: 'zstd' },
  );
}

/** Reads a file that somebody still writes, until `isWhole` and its end. */
export async function* growing(path: string, isWhole: () => boolean, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      // Asked before reading: what is read after the last byte was written is all there is.
      const whole = isWhole();
      const buffer = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      else if (whole) return;
      else {
        signal?.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  } finally {
    await file.close();
  }
}

const BROKEN_PIPE = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

/** Compresses what comes into a file through the program, whose exit code counts: a cut stream is never taken for a whole one. */
export async function compressTo(program: string, source: AsyncIterable<Buffer>, target: string): Promise<FileFacts> {
  const child = spawn(program, ['-q', `-${ZSTD_LEVEL}`, '--check', '-c'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = endOf(child, program).catch((error: unknown) => {
    throw new PlatformError(
      'compress-failed',
      `The dump could not be compressed: ${messageOf(error)}`,
      `Look for what ended it (memory, \`dmesg\`) and run the command again; without ${program} on PATH backups are compressed by gzip.`,
      { object: program, cause: error },
    );
  });
  const measured = new Measured();
  await Promise.all([
    pipeline(Readable.from(source, { objectMode: false, highWaterMark: CHUNK }), child.stdin),
    pipeline(child.stdout, measured, createWriteStream(target, { flags: 'wx', mode: 0o600, highWaterMark: CHUNK })),
    ended,
  ]).catch(async (error: unknown) => {
    // What it says of its own end tells more than the pipe that broke by it.
    if (BROKEN_PIPE.includes(codeOf(error) ?? '')) await ended;
    child.kill('SIGKILL');
    throw error;
  });
  return measured.facts();
}

export interface ContentOptions {
  pathVariable: string;
  /** Decrypts. */
  identity?: Identity | undefined;
  onRaw?: (chunk: Buffer) => void;
}

/** The content of a file of a backup, decrypted and decompressed after its name: `.age`, `.zst`, `.gz`, or as it is. `onRaw` sees the bytes of the file itself. */
export async function* contentOf(
  path: string,
  { pathVariable, identity, onRaw }: ContentOptions,
): AsyncGenerator<Buffer> {
  const secret = path.endsWith(AGE) ? requireIdentity(path, identity) : undefined;
  const name = secret === undefined ? path : path.slice(0, -AGE.length);
  const file = createReadStream(path, { highWaterMark: CHUNK });
  const read = onRaw === undefined ? file : Readable.from(seen(file, onRaw), BYTES);
  const raw = secret === undefined ? read : Readable.from(decrypted(read, secret), BYTES);
  if (name.endsWith('.zst')) yield* unzstd(requireZstd(pathVariable), raw);
  else if (name.endsWith('.gz')) yield* gunzip(raw);
  else for await (const chunk of raw) yield chunk as Buffer;
}

const BYTES = { objectMode: false, highWaterMark: CHUNK };

async function* seen(source: AsyncIterable<unknown>, onRaw: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    onRaw(chunk as Buffer);
    yield chunk as Buffer;
  }
}

async function* gunzip(source: Readable): AsyncGenerator<Buffer> {
  const plain = createGunzip({ chunkSize: CHUNK });
  const fed = pipeline(source, plain);
  fed.catch(() => undefined);
  for await (const chunk of plain) yield chunk as Buffer;
  await fed;
}

async function* unzstd(program: string, source: Readable): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-q', '-d', '-c'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = endOf(child, program);
  const fed = pipeline(source, child.stdin);
  for (const result of [ended, fed]) result.catch(() => undefined);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    await ended;
    await fed;
  } finally {
    child.kill('SIGKILL');
    source.destroy();
  }
}

/** Rejects unless the program ends with 0. */
function endOf(child: ReturnType<typeof spawn>, program: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, ended) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code ?? ended ?? 'nothing'}: ${said.trim()}`));
    });
  });
}
