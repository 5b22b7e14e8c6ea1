import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { ConnectionTarget } from '../spec';
import { compressTo, growing } from './compress';
import type { FileFacts } from './measured';
import { type DumpPrograms, libpqEnvironment, runTool } from './programs';
import { RowCount } from './rowCount';

/** Where the archive lies below a backup. */
export const DUMP_FOLDER = 'dump';
export const PLAIN_DUMP = 'dump.sql.gz';
/** What becomes of it when a backup is unpacked. */
export const PLAIN_SCRIPT = 'dump.sql';

/** A migration that holds a table is waited for so long. */
const LOCK_WAIT = '5min';
/** Of a single file that people unpack by hand: gzip's usual one. */
const PLAIN_LEVEL = 6;
/** Of files that several workers compress while they dump. */
const PARALLEL_LEVEL = 1;

export interface DumpRequest {
  programs: DumpPrograms;
  target: ConnectionTarget;
  pathVariable: string;
  /** An exported snapshot that lives until the dump has ended. */
  snapshot: string;
  /** Exists and is empty. */
  folder: string;
  /** Tables dumped at once. */
  jobs: number;
  /** `zstd`: by the program of that name, which is the path; otherwise pg_dump compresses by itself. */
  compression: { method: 'zstd'; program: string } | { method: 'gzip' | 'none' };
  signal?: AbortSignal | undefined;
  /** Called for each table that is dumped, with the name of its file's entry. */
  onTable?: (tag: string) => void;
}

/** What was compressed here, by path below the backup; other files have to be read to be known. */
export type Dumped = Map<string, FileFacts & { rows: number | undefined }>;

const common = (snapshot: string): string[] => [
  `--snapshot=${snapshot}`,
  // The role sees all rows by policies, which was looked at.
  '--enable-row-security',
  `--lock-wait-timeout=${LOCK_WAIT}`,
  '--no-password',
  // What has to be on disk is synced when it is whole.
  '--no-sync',
];

/**
 * pg_dump in its directory format. With zstd each table's file is compressed while it is written, and removed after that, so no
 * more than the tables under way lie there uncompressed.
 */
export async function dumpDirectory(request: DumpRequest): Promise<Dumped> {
  const { programs, target, pathVariable, folder, jobs, compression, signal } = request;
  const dump = join(folder, DUMP_FOLDER);
  const args = ['--format=directory', `--file=${dump}`, `--jobs=${jobs}`, '--verbose', ...common(request.snapshot)];
  const level = `--compress=${compression.method === 'gzip' ? PARALLEL_LEVEL : 0}`;
  const environment = await libpqEnvironment(target, pathVariable);
  const compressor = compression.method === 'zstd' ? new Compressor(compression.program, dump, signal) : undefined;
  try {
    const running = runTool(programs.pgDump, [...args, level], 'dump-failed', {
      environment,
      signal: compressor?.signal ?? signal,
      onLine: (line) => {
        const [, id, tag] = /^pg_dump: finished item (\d+) TABLE DATA (.*)$/.exec(line) ?? [];
        if (id === undefined) return;
        compressor?.finished.add(id);
        request.onTable?.(tag ?? '');
      },
    });
    await compressor?.until(running);
    await running;
  } finally {
    compressor?.stop();
  }
  return compressor?.done ?? new Map();
}

/** pg_dump's SQL script, compressed by pg_dump itself: there is no pipe in which its exit code could get lost. */
export async function dumpPlain({
  programs,
  target,
  pathVariable,
  snapshot,
  folder,
  signal,
}: DumpRequest): Promise<void> {
  const file = `--file=${join(folder, PLAIN_DUMP)}`;
  const args = ['--format=plain', file, `--compress=${PLAIN_LEVEL}`, ...common(snapshot)];
  const environment = await libpqEnvironment(target, pathVariable);
  await runTool(programs.pgDump, args, 'dump-failed', { environment, signal });
}

/** Follows pg_dump through its folder. A failure of either ends the other. */
class Compressor {
  /** Entries that pg_dump has written to their end. */
  readonly finished = new Set<string>();
  readonly done: Dumped = new Map();
  readonly signal: AbortSignal;
  private readonly abort = new AbortController();
  private readonly started = new Set<string>();
  private readonly running = new Set<Promise<void>>();
  private failure: Error | undefined;
  private hasEnded = false;

  constructor(
    private readonly program: string,
    private readonly dump: string,
    signal?: AbortSignal,
  ) {
    this.signal = signal === undefined ? this.abort.signal : AbortSignal.any([signal, this.abort.signal]);
  }

  /** Compresses what there is until the dump has ended and all is compressed; rejects with whichever failed first. */
  async until(dump: Promise<void>): Promise<void> {
    let failed = false;
    const end = dump.then(
      () => void (this.hasEnded = true),
      () => void (failed = this.hasEnded = true),
    );
    while (!this.hasEnded) {
      await this.start();
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 30))]);
      if (this.failure !== undefined) this.abort.abort(this.failure);
    }
    if (failed) this.abort.abort();
    else await this.start();
    await Promise.allSettled(this.running);
    if (this.failure !== undefined && !failed) throw this.failure;
  }

  stop(): void {
    this.abort.abort();
  }

  private async start(): Promise<void> {
    // Before the first file pg_dump has not made its folder.
    const names = await readdir(this.dump).catch(() => []);
    for (const name of names) {
      const id = /^(\d+)\.dat$/.exec(name)?.[1];
      if (id === undefined || this.started.has(id)) continue;
      this.started.add(id);
      const work = this.compress(id, name).catch((error: unknown) => {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
      });
      this.running.add(work);
      void work.finally(() => this.running.delete(work));
    }
  }

  private async compress(id: string, name: string): Promise<void> {
    const path = join(this.dump, name);
    const count = new RowCount();
    const source = counted(
      growing(path, () => this.hasEnded || this.finished.has(id), this.signal),
      count,
    );
    const facts = await compressTo(this.program, source, `${path}.zst`);
    this.signal.throwIfAborted();
    await rm(path);
    this.done.set(`${DUMP_FOLDER}/${name}.zst`, { ...facts, rows: count.rows });
  }
}

async function* counted(source: AsyncIterable<Buffer>, count: RowCount): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    count.add(chunk);
    yield chunk;
  }
}
