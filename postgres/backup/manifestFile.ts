import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as v from 'valibot';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf, messageOf, PlatformError, systemReason } from '../../system/errors';
import { GENERATIONS, type Manifest, MANIFEST_FILE, MANIFEST_FORMAT } from './manifest';

/** The manifest's SHA-256, as `sha256sum --check` reads it. */
export const MANIFEST_HASH_FILE = 'manifest.sha256';
/** HMAC-SHA256 of the manifest under the stack's key, hexadecimal; only where there is one. */
export const MANIFEST_SIGNATURE_FILE = 'manifest.hmac';

/** What a backup has beside the files that its manifest lists. */
export const OWN_FILES: readonly string[] = [MANIFEST_FILE, MANIFEST_HASH_FILE, MANIFEST_SIGNATURE_FILE];

const ID = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;
export const isBackupId = (name: string): boolean => ID.test(name);

/** `20261126T020000Z-9f3c`. */
export const backupId = (at: Date, random: string): string =>
  `${at.toISOString().replace(/\.\d+|[-:]/g, '')}-${random}`;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Below the backup, wherever it is unpacked. */
const path = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const moment = v.pipe(v.string(), v.isoTimestamp());

const SCHEMA: v.GenericSchema<unknown, Manifest> = v.strictObject({
  format: v.literal(MANIFEST_FORMAT),
  id: v.pipe(v.string(), v.regex(ID)),
  stack: v.string(),
  database: v.strictObject({ name: v.string(), system: v.nullable(v.string()) }),
  layout: v.picklist(['directory', 'plain']),
  compression: v.picklist(['zstd', 'gzip', 'none']),
  encryption: v.nullable(v.strictObject({ method: v.literal('age'), recipients: v.array(v.string()) })),
  generation: v.picklist(GENERATIONS),
  reason: v.string(),
  by: v.string(),
  startedAt: moment,
  finishedAt: moment,
  seconds: v.record(v.string(), v.number()),
  server: v.strictObject({ version: v.string(), major: count }),
  tools: v.strictObject({ pgDump: v.string(), coachdb: v.string() }),
  walPosition: v.string(),
  files: v.array(v.strictObject({ path, bytes: count, sha256: hash })),
  tables: v.array(
    v.strictObject({
      schema: v.string(),
      name: v.string(),
      rows: count,
      checksum: v.pipe(v.string(), v.regex(/^-?\d+$/)),
      file: path,
    }),
  ),
  largeObjects: count,
  bytes: count,
});

export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const signature = (text: string, key: Buffer): string => createHmac('sha256', key).update(text).digest('hex');

/** Writes the manifest last of all into a folder whose other files are on disk; its hash before it, so that it never stands without. */
export function writeManifest(folder: string, manifest: Manifest, key?: Buffer): void {
  const text = manifestText(manifest);
  writeAtomically(join(folder, MANIFEST_HASH_FILE), `${sha256(text)}  ${MANIFEST_FILE}\n`);
  if (key !== undefined) writeAtomically(join(folder, MANIFEST_SIGNATURE_FILE), `${signature(text, key)}\n`);
  writeAtomically(join(folder, MANIFEST_FILE), text);
}

/** The manifest as its text says it. Throws `manifest-invalid`. */
export function parseManifest(text: string, where: string): Manifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalid(where, messageOf(error));
  }
  const format = (parsed as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > MANIFEST_FORMAT)
    throw new PlatformError(
      'manifest-newer',
      `${where} has format ${format}; this version of coachdb knows ${MANIFEST_FORMAT}.`,
      'Use the version of coachdb that made the backup, or a newer one.',
      { kind: 'refused', object: where },
    );
  const result = v.safeParse(SCHEMA, parsed);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(where, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

/**
 * The manifest of a folder, proven by its hash and, with a key, by its signature. Throws `backup-incomplete` (there is none), `manifest-invalid`,
 * `manifest-altered`, `manifest-unsigned`, `manifest-forged`.
 */
export function readManifest(folder: string, key?: Buffer): Manifest {
  const where = join(folder, MANIFEST_FILE);
  const text = textOf(where);
  if (text === undefined)
    throw new PlatformError(
      'backup-incomplete',
      `${folder} has no ${MANIFEST_FILE}: it is no backup, or one that never came to its end.`,
      'Choose another: `npm run coachdb -- backup list`.',
      { kind: 'refused', object: folder },
    );
  const noted = textOf(join(folder, MANIFEST_HASH_FILE));
  if (noted?.split(/\s/)[0] !== sha256(text))
    throw altered(where, noted === undefined ? `${MANIFEST_HASH_FILE} is missing` : 'it is not what its hash says');
  if (key !== undefined) {
    const signed = textOf(join(folder, MANIFEST_SIGNATURE_FILE))?.trim();
    if (signed === undefined)
      throw new PlatformError(
        'manifest-unsigned',
        `${where} is not signed, and this stack has a key (coach:backup.signingKeyFile).`,
        'Use a backup made since the key was set, or take the setting out for this restore.',
        { kind: 'refused', object: where },
      );
    const [expected, found] = [Buffer.from(signature(text, key)), Buffer.from(signed)];
    if (expected.length !== found.length || !timingSafeEqual(expected, found))
      throw altered(where, 'its signature is not by this stack’s key', 'manifest-forged');
  }
  return parseManifest(text, where);
}

/** Undefined: there is none. What is no file is not read: a link leads out of the backup, a pipe waits for ever. */
function textOf(path: string): string | undefined {
  try {
    if (!lstatSync(path).isFile()) throw invalid(path, 'it is no file');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    if (error instanceof PlatformError) throw error;
    throw unreadable(path, error);
  }
}

const invalid = (where: string, reason: string): PlatformError =>
  new PlatformError('manifest-invalid', `${where} is not a manifest of this project: ${reason}.`, OTHER, {
    kind: 'refused',
    object: where,
  });

/** Says nothing of the backup: another account may read it. */
const unreadable = (where: string, error: unknown): PlatformError =>
  new PlatformError(
    'backup-unreadable',
    `${where} cannot be read: ${systemReason(error)}.`,
    'Run the command as the account that makes the backups (`ls -l` of it).',
    { kind: 'refused', object: where, cause: error },
  );

const altered = (where: string, reason: string, code = 'manifest-altered'): PlatformError =>
  new PlatformError(code, `${where} was changed after it was written: ${reason}.`, OTHER, {
    kind: 'refused',
    object: where,
  });

const OTHER = 'Choose another backup: `npm run coachdb -- backup list`.';
