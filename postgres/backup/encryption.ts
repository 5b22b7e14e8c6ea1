import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { Decrypter } from 'age-encryption';

import { messageOf, PlatformError, systemReason } from '../../system/errors';
import type { Manifest, ManifestFile } from './manifest';
import { Measured } from './measured';

/** Whose name a file of an encrypted backup ends with. */
export const AGE = '.age';
const CHUNK = 1 << 18;

/**
 * Encrypts every file of a backup to the recipients, each into its name with `.age`, and removes what it was made of. Whoever makes backups needs no
 * identity, and cannot read them afterwards.
 */
export async function encryptFiles(
  folder: string,
  manifest: Manifest,
  recipients: readonly string[],
  signal?: AbortSignal,
): Promise<Manifest> {
  const files: ManifestFile[] = [];
  for (const { path } of manifest.files) {
    signal?.throwIfAborted();
    files.push(await encryptFile(folder, path, recipients, signal));
  }
  return {
    ...manifest,
    encryption: { method: 'age', recipients: [...recipients] },
    files,
    tables: manifest.tables.map((table) => ({ ...table, file: table.file + AGE })),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function encryptFile(
  folder: string,
  path: string,
  recipients: readonly string[],
  signal?: AbortSignal,
): Promise<ManifestFile> {
  const { Encrypter } = await load();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const from = join(folder, path);
  const source = Readable.toWeb(createReadStream(from, { highWaterMark: CHUNK }));
  const encrypted = await encrypter.encrypt(source as ReadableStream<Uint8Array<ArrayBuffer>>);
  const measured = new Measured();
  const target = createWriteStream(from + AGE, { flags: 'wx', mode: 0o600 });
  await pipeline(Readable.fromWeb(encrypted as never), buffers, measured, target, { signal });
  await rm(from);
  return { path: path + AGE, ...measured.facts() };
}

/** What decrypts; read once for a run. */
export interface Identity {
  /** The file it stands in. */
  path: string;
  lines: string[];
}

/** Secret keys of age, a line each, as `age-keygen` writes them. Throws `age-identity`. */
export function readIdentity(path: string): Identity {
  const refuse = (reason: string): PlatformError =>
    new PlatformError(
      'age-identity',
      `The identity that decrypts backups, ${path}, cannot be used: ${reason}.`,
      'It is the file that `age-keygen` wrote, with a line AGE-SECRET-KEY-1...',
      { kind: 'usage', object: path },
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(systemReason(error));
  }
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0 || keys.some((line) => !/^AGE-SECRET-KEY-/.test(line)))
    throw refuse('it holds something else than secret keys of age');
  return { path, lines: keys };
}

/** The bytes of an encrypted file, decrypted. Throws `age-foreign` where none of the identities is a recipient's; cut or changed files throw. */
export async function* decrypted(source: Readable, { path, lines }: Identity): AsyncGenerator<Buffer> {
  const { Decrypter: Decrypting } = await load();
  const decrypter: Decrypter = new Decrypting();
  for (const line of lines) decrypter.addIdentity(line);
  let plain;
  try {
    plain = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array<ArrayBuffer>>);
  } catch (error) {
    if (/no identity matched/.test(messageOf(error)))
      throw new PlatformError(
        'age-foreign',
        `The backup is encrypted, and not to any of the keys in ${path}.`,
        'Name the file with the secret key of one of its recipients: coach:backup.age.identityFile.',
        { kind: 'refused', object: path, cause: error },
      );
    throw error;
  }
  for await (const chunk of Readable.fromWeb(plain as never)) yield Buffer.from(chunk as Uint8Array);
}

/** Throws unless there is something to decrypt with. */
export function requireIdentity(id: string, identity: Identity | undefined): Identity {
  if (identity !== undefined) return identity;
  throw new PlatformError(
    'age-identity',
    `Backup ${id} is encrypted, and this stack names no identity that decrypts it.`,
    'Name the file with the secret key: coach:backup.age.identityFile. `backup verify --checksums` needs none.',
    { kind: 'usage', object: id },
  );
}

async function* buffers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** A module of the other kind, and needed by few. */
const load = () => import('age-encryption');
