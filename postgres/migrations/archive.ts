import { isUtf8 } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as v from 'valibot';

import { codeOf, PlatformError, systemReason } from '../../system/errors';
import { LOCK_FILE, SCRIPT } from '../transfer/prepare/evidence';
import { checksumOf } from './checksum';

/** A migrations folder as one text, where it travels by itself. The same folder gives the same text on every machine, and so the same key. */
export interface MigrationArchive {
  /** `migrations/SHA256.json`. */
  key: string;
  /** Of the text, hex. */
  sha256: string;
  text: string;
}

/** Text where it is UTF-8, since people read it; null: a migration without its script. */
const content = v.union([v.string(), v.strictObject({ base64: v.pipe(v.string(), v.base64()) })]);
/** A folder's name and nothing that leads out of its folder, on any system. */
const folderName = v.pipe(v.string(), v.regex(/^[^/\\\0:]{1,255}$/), v.notValues(['.', '..', LOCK_FILE]));
const format = v.strictObject({
  format: v.literal(1),
  lock: v.nullable(content),
  migrations: v.array(v.strictTuple([folderName, v.nullable(content)])),
});
type Content = v.InferOutput<typeof content>;

export const archiveKey = (sha256: string): string => `migrations/${sha256}.json`;

/** What Prisma reads of a folder: the lock file, and the script of each folder in it. Throws `migrations-folder` where it cannot be read. */
export function packMigrations(directory: string): MigrationArchive {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const hasLock = entries.some(({ name }) => name === LOCK_FILE);
    const packed: v.InferOutput<typeof format> = {
      format: 1,
      lock: hasLock ? contentOf(join(directory, LOCK_FILE)) : null,
      migrations: folders.sort().map((name) => [name, contentOf(join(directory, name, SCRIPT))]),
    };
    const text = JSON.stringify(packed, null, 1);
    const sha256 = checksumOf(text);
    return { key: archiveKey(sha256), sha256, text };
  } catch (cause) {
    throw new PlatformError(
      'migrations-folder',
      `The migrations folder ${directory} cannot be read: ${systemReason(cause)}.`,
      'Set `coach:app.directory` to the application’s checkout; its migrations lie in prisma/migrations.',
      { object: directory, cause },
    );
  }
}

function contentOf(path: string): Content | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
}

/** Makes the folder again, in an empty `directory` that exists. Throws `archive-malformed`, with nothing written, for what `packMigrations` did not write. */
export function unpackMigrations(text: string, directory: string): void {
  const refuse = (why: string): PlatformError =>
    new PlatformError(
      'archive-malformed',
      `The archive of migrations is none: ${why}.`,
      'Let `npm run up` or `deploy` make it anew; nobody else writes it.',
      { kind: 'refused' },
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
  const { success, output, issues } = v.safeParse(format, parsed);
  if (!success) throw refuse(`${v.getDotPath(issues[0]) ?? 'the whole'} is not what it should be`);
  const names = output.migrations.map(([name]) => name);
  if (new Set(names).size < names.length) throw refuse('a migration is in it twice');
  if (output.lock !== null) writeFileSync(join(directory, LOCK_FILE), bytesOf(output.lock));
  for (const [name, script] of output.migrations) {
    mkdirSync(join(directory, name));
    if (script !== null) writeFileSync(join(directory, name, SCRIPT), bytesOf(script));
  }
}

const bytesOf = (packed: Content): string | Buffer =>
  typeof packed === 'string' ? packed : Buffer.from(packed.base64, 'base64');
