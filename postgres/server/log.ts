import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { Parameters } from '../spec';

/** What the server prints before its log collector runs, and all of it where the settings switch that off. */
export const START_LOG = 'start.log';

/**
 * A file a day, in the log folder, so that old ones can be removed by their age. Each line: time, process, SQLSTATE, and for sessions
 * user and database.
 */
export function logParameters(logDirectory: string): Parameters {
  return {
    logging_collector: true,
    log_destination: 'stderr',
    log_directory: logDirectory,
    log_filename: 'postgresql-%Y-%m-%d.log',
    log_file_mode: '0640',
    log_rotation_age: '1d',
    log_rotation_size: '100MB',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %e %q%u@%d ',
  };
}

/** The file the running (or last) server writes: current_logfiles names it. */
export function currentLogFile({
  dataDirectory,
  logDirectory,
}: {
  dataDirectory: string;
  logDirectory: string;
}): string {
  try {
    const path = /^stderr (.+)$/m.exec(readFileSync(join(dataDirectory, 'current_logfiles'), 'utf8'))?.[1];
    if (path !== undefined && existsSync(join(logDirectory, basename(path)))) return join(logDirectory, basename(path));
  } catch {
    // A stopped server has none.
  }
  const newest = logFiles(logDirectory).at(-1);
  return join(logDirectory, newest ?? START_LOG);
}

/** The collector's files, oldest first. */
function logFiles(logDirectory: string): string[] {
  if (!existsSync(logDirectory)) return [];
  return readdirSync(logDirectory)
    .filter((name) => /^postgresql-.*\.log$/.test(name))
    .sort();
}

/** A place in the log: what comes after it was written later. */
export interface LogMark {
  file: string;
  offset: number;
}

export function markLog(logDirectory: string): LogMark | undefined {
  const file = logFiles(logDirectory).at(-1);
  return file === undefined ? undefined : { file, offset: statSync(join(logDirectory, file)).size };
}

const TAIL_BYTES = 8192;

/** What start.log and the collector's newest file hold since the mark, 8 kB of each at most. */
export function logSince(logDirectory: string, mark: LogMark | undefined): string {
  const file = logFiles(logDirectory).at(-1);
  const parts = [tail(join(logDirectory, START_LOG), 0)];
  if (file !== undefined) parts.push(tail(join(logDirectory, file), file === mark?.file ? mark.offset : 0));
  return parts.filter((part) => part !== '').join('\n');
}

function tail(path: string, from: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const size = statSync(path).size;
    const start = Math.max(from, size - TAIL_BYTES, 0);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const length = readSync(descriptor, buffer, 0, buffer.length, start);
    return buffer.subarray(0, length).toString('utf8').trim();
  } finally {
    closeSync(descriptor);
  }
}
