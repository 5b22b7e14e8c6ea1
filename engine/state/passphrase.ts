import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { PlatformError } from '../../postgres/errors';

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

/** Encrypts and decrypts a state's secrets. A plaintext keeps its ciphertext, so that an unchanged secret leaves the state unchanged. */
export class Crypter {
  private readonly known = new Map<string, string>();

  private constructor(
    private readonly key: Buffer,
    /** `v1:<salt>:v1:<nonce>:<ciphertext>`, as the checkpoint stores it. */
    readonly state: string,
  ) {}

  /** A new salt for a new stack. The derivation takes about half a second, off the main thread. */
  static async create(passphrase: string): Promise<Crypter> {
    const salt = randomBytes(SALT_BYTES);
    const key = await keyOf(passphrase, salt);
    return new Crypter(key, `v1:${salt.toString('base64')}:${seal(key, KNOWN_TEXT)}`);
  }

  /** For a stack that has a salt. A wrong passphrase is a PlatformError that names `source`, where it was read from. */
  static async open(passphrase: string, state: string, source: string): Promise<Crypter> {
    const [version, salt, ...sealed] = state.split(':');
    if (version !== 'v1' || salt === undefined || sealed.length !== 3) {
      throw new PlatformError(
        'salt-malformed',
        `The state's encryption salt is not of the form v1:SALT:v1:NONCE:TEXT.`,
        'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups.',
      );
    }
    const key = await keyOf(passphrase, Buffer.from(salt, 'base64'));
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

  encrypt(plaintext: string): string {
    const known = this.known.get(plaintext);
    if (known !== undefined) return known;
    const ciphertext = seal(this.key, plaintext);
    this.known.set(plaintext, ciphertext);
    return ciphertext;
  }

  decrypt(ciphertext: string): string {
    const plaintext = unseal(this.key, ciphertext);
    if (plaintext === undefined) {
      throw new PlatformError(
        'secret-unreadable',
        'A secret in the state cannot be decrypted with the passphrase that opens the others.',
        'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups.',
      );
    }
    this.known.set(plaintext, ciphertext);
    return plaintext;
  }
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  const name = `${salt.toString('base64')}\0${passphrase}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = derive(passphrase, salt, ROUNDS, KEY_BYTES, 'sha256');
  keys.set(name, key);
  return key;
}

function seal(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString('base64')}:${sealed.toString('base64')}`;
}

function unseal(key: Buffer, ciphertext: string): string | undefined {
  const [version, nonce, text] = ciphertext.split(':');
  if (version !== 'v1' || nonce === undefined || text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const plain = [decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final()];
    return Buffer.concat(plain).toString('utf8');
  } catch {
    return undefined;
  }
}
