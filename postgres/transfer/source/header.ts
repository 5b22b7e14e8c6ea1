import { closeSync, openSync, readSync, statSync } from 'node:fs';

import { codeOf, PlatformError, systemReason } from '../../../system/errors';

export const ENCODINGS = ['utf8', 'utf16le', 'utf16be'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** What the first hundred bytes of an SQLite file say (https://www.sqlite.org/fileformat2.html, section 1.3). */
export interface Header {
  isWal: boolean;
  encoding: Encoding;
  pageSize: number;
  /** Pages the file should have; 0 where it does not say so. */
  pages: number;
}

const MAGIC = 'SQLite format 3\0';

/** Throws `source-missing`, `source-denied`, `source-not-sqlite` or `source-truncated`. */
export function readHeader(file: string): Header {
  const { bytes, size } = firstBytes(file);
  if (bytes.length < 100 || bytes.toString('latin1', 0, 16) !== MAGIC) throw notSqlite(file, size);
  const stored = bytes.readUInt16BE(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  // The count of pages is right where both counters agree.
  const pages = bytes.readUInt32BE(24) === bytes.readUInt32BE(92) ? bytes.readUInt32BE(28) : 0;
  const header: Header = {
    isWal: bytes[19] === 2,
    encoding: ENCODINGS[bytes.readUInt32BE(56) - 1] ?? 'utf8',
    pageSize,
    pages,
  };
  // With a write-ahead log beside it the file may be shorter than it says.
  if (!header.isWal && pages * pageSize > size) {
    throw new PlatformError(
      'source-truncated',
      `${file} has ${size} bytes; its header says ${pages * pageSize}: it was cut off, by an interrupted copy perhaps.`,
      'Copy the database again (`sqlite3 app.db ".backup copy.db"` makes a whole one), and give that file.',
      { object: file },
    );
  }
  return header;
}

function firstBytes(file: string): { bytes: Buffer; size: number } {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw noFile(file, 'it is a folder or a device');
    const handle = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(100);
      return { bytes: bytes.subarray(0, readSync(handle, bytes, 0, 100, 0)), size: stat.size };
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') throw noFile(file, 'there is no such file');
    throw new PlatformError(
      'source-denied',
      `${file} cannot be read: ${systemReason(error)}.`,
      'Run the command as a user who may read it, or give a copy that this one may read.',
      { kind: 'refused', object: file, cause: error },
    );
  }
}

function noFile(file: string, reason: string): PlatformError {
  return new PlatformError(
    'source-missing',
    `--from ${file}: ${reason}; expected the application’s SQLite database.`,
    'Give the file that DATABASE_URL of the application names (file:./dev.db lies beside schema.prisma).',
    { kind: 'usage', object: file },
  );
}

function notSqlite(file: string, size: number): PlatformError {
  return new PlatformError(
    'source-not-sqlite',
    size === 0
      ? `${file} is empty: it holds no SQLite database.`
      : `${file} is no SQLite database, or an encrypted one: it does not begin with “SQLite format 3”.`,
    'Give the application’s database; one that is encrypted has to be decrypted with the tool that encrypted it first.',
    { kind: 'usage', object: file },
  );
}
