import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, lstatSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { codeOf, messageOf, PlatformError, systemReason } from '../../system/errors';
import { storageError } from '../../system/storageError';
import { contentOf } from './compress';
import type { Identity } from './encryption';
import type { Manifest, ManifestFile } from './manifest';
import { OWN_FILES } from './manifestFile';
import { PlainScan } from './plainScan';
import { RowCount } from './rowCount';

/** What is wrong with a file of a backup. `unexpected`: nobody listed it, and pg_restore might read it. `rows`: another number than the table had. */
export const FINDINGS = ['missing', 'size', 'checksum', 'unreadable', 'empty', 'unexpected', 'rows'] as const;
export type FindingKind = (typeof FINDINGS)[number];

export interface Finding {
  kind: FindingKind;
  /** Below the backup. */
  path: string;
  detail: string;
}

/** The first of them for a message: `dump/toc.dat: checksum, its SHA-256 is another one; ...`. */
export function findingsText(findings: readonly Finding[]): string {
  const said = findings.slice(0, 5).map(({ path, kind, detail }) => `${path}: ${kind}, ${detail}`);
  return `${said.join('; ')}${findings.length > 5 ? `; and ${findings.length - 5} more` : ''}`;
}

export interface ReadOptions {
  pathVariable: string;
  /** Decrypts an encrypted backup; for its content alone. */
  identity?: Identity | undefined;
  /** `bytes`: every byte against the manifest. `content`: decompressed to its end as well, rows counted. */
  depth: 'bytes' | 'content';
  /** A folder in which the content is laid down, decompressed, under the same names without `.zst` and `.gz`: for pg_restore and psql. */
  stage?: string;
  signal?: AbortSignal | undefined;
  /** Called with so many more bytes. */
  onBytes?: (bytes: number) => void;
}

/** Reads all files of a backup, several at once, and says what is wrong with which. */
export async function readThrough(folder: string, manifest: Manifest, options: ReadOptions): Promise<Finding[]> {
  const findings = unexpected(folder, manifest);
  if (manifest.files.length === 0) findings.push({ kind: 'empty', path: '.', detail: 'the manifest lists no file' });
  const queue = [...manifest.files].sort((a, b) => b.bytes - a.bytes);
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      options.signal?.throwIfAborted();
      findings.push(...(await readFile(folder, manifest, file, options)));
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return findings;
}

function unexpected(folder: string, manifest: Manifest): Finding[] {
  const known = new Set([...OWN_FILES, ...manifest.files.map(({ path }) => path)]);
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry): Finding[] => {
    if (entry.isDirectory()) return [];
    const path = relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/');
    return known.has(path) ? [] : [{ kind: 'unexpected', path, detail: 'the manifest does not list it' }];
  });
}

async function readFile(
  folder: string,
  manifest: Manifest,
  file: ManifestFile,
  options: ReadOptions,
): Promise<Finding[]> {
  const { path, bytes, sha256 } = file;
  const at = join(folder, path);
  const found = lstatSync(at, { throwIfNoEntry: false });
  const wrong = (kind: FindingKind, detail: string): Finding[] => [{ kind, path, detail }];
  if (found === undefined) return wrong('missing', 'there is no such file');
  if (!found.isFile()) return wrong('unreadable', 'it is no file');
  if (found.size === 0 && bytes > 0) return wrong('empty', `expected ${bytes} bytes`);
  if (found.size !== bytes) return wrong('size', `${found.size} bytes, expected ${bytes}`);
  const hash = createHash('sha256');
  const content = options.depth === 'content' ? new Content(manifest, path) : undefined;
  const onRaw = (chunk: Buffer): void => {
    hash.update(chunk);
    options.onBytes?.(chunk.length);
  };
  try {
    const read =
      content === undefined
        ? rawOf(at, onRaw)
        : tapped(contentOf(at, { pathVariable: options.pathVariable, identity: options.identity, onRaw }), content);
    if (options.stage !== undefined) await lay(join(options.stage, path.replace(/(\.zst|\.gz)?(\.age)?$/, '')), read);
    else await drain(read, options.signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof PlatformError) throw error;
    // Says nothing of the backup: there is no room to unpack it.
    if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT') throw storageError(options.stage ?? at, error);
    // A file that was cut or changed may fail before its last byte is read: then its checksum tells more.
    const whole = createHash('sha256');
    try {
      await drain(rawOf(at, (chunk) => whole.update(chunk)));
    } catch (again) {
      return wrong('unreadable', systemReason(again));
    }
    return whole.digest('hex') === sha256 ? wrong('unreadable', messageOf(error)) : wrong('checksum', OTHER_HASH);
  }
  if (hash.digest('hex') !== sha256) return wrong('checksum', OTHER_HASH);
  return content?.findings() ?? [];
}

const OTHER_HASH = 'its SHA-256 is another one';

async function drain(source: AsyncIterable<Buffer>, signal?: AbortSignal): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true) signal?.throwIfAborted();
}

async function* rawOf(path: string, onRaw: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    onRaw(chunk as Buffer);
    yield chunk as Buffer;
  }
}

async function* tapped(source: AsyncIterable<Buffer>, content: Content): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    content.add(chunk);
    yield chunk;
  }
}

async function lay(path: string, source: AsyncIterable<Buffer>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await pipeline(Readable.from(source, { objectMode: false }), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
}

/** The rows in a file against those of the tables that the manifest finds in it. */
class Content {
  private readonly tables: Manifest['tables'];
  private readonly counter: RowCount | PlainScan | undefined;

  constructor(
    manifest: Manifest,
    private readonly path: string,
  ) {
    this.tables = manifest.tables.filter(({ file }) => file === path);
    if (this.tables.length > 0) this.counter = manifest.layout === 'plain' ? new PlainScan() : new RowCount();
  }

  add(chunk: Buffer): void {
    this.counter?.add(chunk);
  }

  findings(): Finding[] {
    const { counter, path } = this;
    if (counter === undefined) return [];
    if (counter instanceof PlainScan && !counter.isComplete)
      return [{ kind: 'unreadable', path, detail: 'pg_dump did not write it to its end' }];
    return this.tables.flatMap(({ schema, name, rows }): Finding[] => {
      const found = counter instanceof PlainScan ? counter.rowsOf(schema, name) : counter.rows;
      if (found === rows) return [];
      if (found === undefined && counter instanceof RowCount)
        return [{ kind: 'unreadable', path, detail: `the rows of ${schema}.${name} do not end` }];
      return [{ kind: 'rows', path, detail: `${found ?? 'no'} rows of ${schema}.${name}, expected ${rows}` }];
    });
  }
}
