import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { codeOf, messageOf, PlatformError } from '../../../system/errors';
import { type Encoding, readHeader } from './header';
import { Sqlite } from './sqlite';
import { decode } from './tables';

/** An SQLite database inside one read transaction. */
export interface Source {
  file: string;
  database: Sqlite;
  encoding: Encoding;
  /** Throws `source-changed` where what was read may be of two times. */
  assertUnchanged(): void;
  /** Throws `source-corrupt` where pages are damaged: with a wrong count of cells SQLite reads fewer rows and says nothing. Takes a second for 500 MB. */
  assertUndamaged(): void;
  /** What to throw where pages are found to be damaged. */
  damaged: (reason: string) => PlatformError;
  close(): void;
}

/**
 * Opens `file` (somebody else's lock is waited for `busyMs`) and begins the one read transaction in which all is read; writes nothing, neither into it nor beside it. Where a write-ahead log lies
 * beside the file, SQLite's own locks keep the view; where there is none, nobody has it open, and it is read without locks,
 * since SQLite would leave an empty log there; where a crashed writer left a journal, or the log cannot be used in place, a copy is read.
 */
export function openSource(file: string, busyMs = 15_000): Source {
  const header = readHeader(file);
  const hasLog = sizeOf(`${file}-wal`) > 0;
  if (sizeOf(`${file}-journal`) > 0) return openCopy(file, header.encoding, busyMs, '-journal');
  if (!header.isWal) return open(file, header.encoding, busyMs, 'mode=ro');
  if (!hasLog) return open(file, header.encoding, busyMs, 'immutable=1');
  try {
    return open(file, header.encoding, busyMs, 'mode=ro');
  } catch (error) {
    // The index of the log can neither be read nor made: a read-only folder.
    if (error instanceof PlatformError && error.code === 'source-unreadable')
      return openCopy(file, header.encoding, busyMs, '-wal');
    throw error;
  }
}

function open(
  file: string,
  encoding: Encoding,
  busyMs: number,
  how: 'mode=ro' | 'immutable=1' | 'mode=rw',
  remove?: string,
): Source {
  const before = stampOf(file);
  const database = begin(file, busyMs, how);
  return {
    file,
    database,
    encoding,
    assertUnchanged: () => {
      if (how !== 'immutable=1' || stampOf(file) === before) return;
      throw new PlatformError(
        'source-changed',
        `${file} was written to while it was read, and nobody had it open at the beginning: what was read may be of two times.`,
        'Run it again: it is now read under SQLite’s locks. Better: stop the application first.',
        { kind: 'locked', object: file },
      );
    },
    assertUndamaged: () => {
      const [found] = database.first('SELECT CAST(quick_check AS BLOB) FROM pragma_quick_check(1)');
      const said = Buffer.isBuffer(found) ? decode(found, encoding) : '';
      // All else it says is of values, which have policies of their own.
      if (said.startsWith('*** in database')) throw damaged(file, said.split('\n').slice(1).join(' '));
    },
    damaged: (reason) => damaged(file, reason),
    close: () => {
      database.close();
      if (remove !== undefined) rmSync(remove, { recursive: true, force: true });
    },
  };
}

function begin(file: string, busyMs: number, how: string): Sqlite {
  let database: Sqlite | undefined;
  try {
    database = Sqlite.open(`file:${encodeURI(file).replaceAll('?', '%3f').replaceAll('#', '%23')}?${how}`, (error) =>
      sourceError(file, error),
    );
    // A hostile schema's expressions run none but harmless functions.
    database.run(`PRAGMA busy_timeout = ${busyMs}; PRAGMA query_only = on; PRAGMA trusted_schema = off;
      PRAGMA cell_size_check = on; BEGIN`);
    database.rows('SELECT count(*) FROM sqlite_schema');
    return database;
  } catch (error) {
    database?.close();
    throw sourceError(file, error);
  }
}

/** Database and journal or log in a folder of their own, where SQLite recovers them. Whole or refused. */
function openCopy(file: string, encoding: Encoding, busyMs: number, suffix: '-journal' | '-wal'): Source {
  const folder = mkdtempSync(join(tmpdir(), 'coachdb-source-'));
  try {
    const copy = join(folder, basename(file));
    const before = [stampOf(file), stampOf(file + suffix)].join();
    copyFileSync(file, copy);
    copyFileSync(file + suffix, copy + suffix);
    if ([stampOf(file), stampOf(file + suffix)].join() !== before) {
      throw new PlatformError(
        'source-busy',
        `${file} was written to while it was copied to be read (its ${suffix.slice(1)} cannot be used where it lies).`,
        'Stop the application, or run the command as a user who may write beside the file.',
        { kind: 'locked', object: file },
      );
    }
    return { ...open(copy, encoding, busyMs, 'mode=rw', folder), file, damaged: (reason) => damaged(file, reason) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function stampOf(file: string): string {
  if (!existsSync(file)) return '';
  const { size, mtimeNs, ino } = statSync(file, { bigint: true });
  return `${size}/${mtimeNs}/${ino}`;
}

const damaged = (file: string, reason: string, cause?: unknown): PlatformError =>
  new PlatformError(
    'source-corrupt',
    `${file} is damaged: ${reason}.`,
    'See what is left with `sqlite3 FILE ".recover"`, or take the last good copy; nothing was loaded.',
    { object: file, cause },
  );

/** An error of SQLite as one of ours. */
export function sourceError(file: string, error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const code = codeOf(error) ?? '';
  const reason = messageOf(error);
  const options = { object: file, cause: error };
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new PlatformError(
      'source-busy',
      `${file} is locked by another program: ${reason}.`,
      'Stop the application (or the tool that has it open), and run the command again.',
      { ...options, kind: 'locked' },
    );
  }
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR|FORMAT)/.test(code)) {
    return damaged(file, reason, error);
  }
  // The library gives no code where opening fails.
  if (code.startsWith('SQLITE_') || /Unable to open|unable to open/.test(reason)) {
    return new PlatformError(
      'source-unreadable',
      `${file} cannot be read by SQLite: ${reason}.`,
      'Give a copy in a folder that this user may read: `sqlite3 app.db ".backup copy.db"`.',
      options,
    );
  }
  return error;
}
