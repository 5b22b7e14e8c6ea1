import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { PlatformError } from '../../system/errors';
import type { KeyCache } from './keyCache';
import type { SecretCodec } from './properties';

/** Pulumi's passphrase secrets (sdk/go/common/resource/config/crypt.go): PBKDF2-SHA256, then AES-256-GCM. */
const ROUNDS = 1_000_000;
const KEY_BYTES = 32;
const SALT_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What Pulumi encrypts beside the salt, to tell a wrong passphrase from a right one. */
const KNOWN_TEXT = 'pulumi';

const derive = promisify(pbkdf2);
const keys = new Map<string, Promise<Buffer>>();

/** Encrypts and decrypts a state's secrets. A secret whose plaintext did not change keeps its ciphertext, so the state stays quiet. */
export class Crypter implements SecretCodec {
  /** By path in the state: two secrets of the same text do not share a ciphertext, which would show that they are the same. */
  private readonly known = new Map<string, { plaintext: string; ciphertext: string }>();

  private constructor(
    private readonly key: Buffer,
    /** `v1:<salt>:v1:<nonce>:<ciphertext>`, as the checkpoint stores it. */
    readonly state: string,
  ) {}

  /** For a new stack: with the salt in `cache`, else a new one, whose derivation takes about half a second, off the main thread. */
  static async create(passphrase: string, cache?: KeyCache): Promise<Crypter> {
    const salt = cache?.derived(passphrase)?.salt ?? randomBytes(SALT_BYTES);
    const key = await keyOf(passphrase, salt, cache);
    return new Crypter(key, `v1:${salt.toString('base64')}:${seal(key, KNOWN_TEXT)}`);
  }

  /** For a stack that has a salt. A wrong passphrase is a PlatformError that names `source`, where it was read from. */
  static async open(passphrase: string, state: string, source: string, cache?: KeyCache): Promise<Crypter> {
    const [version, salt, ...sealed] = state.split(':');
    if (version !== 'v1' || salt === undefined || sealed.length !== 3) {
      throw new PlatformError(
        'salt-malformed',
        `The state's encryption salt is not of the form v1:SALT:v1:NONCE:TEXT.`,
        'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups.',
      );
    }
    const key = await keyOf(passphrase, Buffer.from(salt, 'base64'), cache);
    if (unseal(key, sealed.join(':')) !== KNOWN_TEXT) {
      throw new PlatformError(
        'passphrase-wrong',
        `The passphrase of ${source} does not open the secrets of this state.`,
        'Give the one the stack was made with, by PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE. Nothing was changed.',
        { kind: 'usage', object: source },
      );
    }
    return new Crypter(key, state);
  }

  encrypt(plaintext: string, path: string): string {
    const known = this.known.get(path);
    if (known?.plaintext === canonical(plaintext)) return known.ciphertext;
    const ciphertext = seal(this.key, plaintext);
    this.remember(path, plaintext, ciphertext);
    return ciphertext;
  }

  decrypt(ciphertext: string, path: string): string {
    const plaintext = unseal(this.key, ciphertext);
    if (plaintext === undefined) {
      throw new PlatformError(
        'secret-unreadable',
        `The secret ${path} in the state cannot be decrypted with the passphrase that opens the others.`,
        'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups.',
        { object: path },
      );
    }
    this.remember(path, plaintext, ciphertext);
    return plaintext;
  }

  private remember(path: string, plaintext: string, ciphertext: string): void {
    this.known.set(path, { plaintext: canonical(plaintext), ciphertext });
  }
}

/** Pulumi's JSON escapes characters that JavaScript's does not: the same value counts, not the same text. */
function canonical(plaintext: string): string {
  try {
    return JSON.stringify(JSON.parse(plaintext));
  } catch {
    return plaintext;
  }
}

/** Derived once for each salt and passphrase of a process, and of a machine where it may be cached. */
function keyOf(passphrase: string, salt: Buffer, cache: KeyCache | undefined): Promise<Buffer> {
  const name = `${salt.toString('base64')}\0${passphrase}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = cachedOrDerived(passphrase, salt, cache);
  keys.set(name, key);
  return key;
}

async function cachedOrDerived(passphrase: string, salt: Buffer, cache: KeyCache | undefined): Promise<Buffer> {
  const found = cache?.read(passphrase, salt);
  if (found !== undefined) return found;
  const key = await derive(passphrase, salt, ROUNDS, KEY_BYTES, 'sha256');
  cache?.write(passphrase, salt, key);
  return key;
}

function seal(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString('base64')}:${sealed.toString('base64')}`;
}

/** The plaintext, or undefined when the key does not open it or it is not of this form. */
function unseal(key: Buffer, ciphertext: string): string | undefined {
  const [version, nonceText, text, ...more] = ciphertext.split(':');
  if (version !== 'v1' || nonceText === undefined || text === undefined || more.length > 0) return undefined;
  const nonce = Buffer.from(nonceText, 'base64');
  const bytes = Buffer.from(text, 'base64');
  if (nonce.length !== NONCE_BYTES || bytes.length < TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const plain = [decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final()];
    return Buffer.concat(plain).toString('utf8');
  } catch {
    return undefined;
  }
}
