import { PlatformError } from '../../system/errors';
import { type PropertyMap, type PropertyValue, Secret, Unknown } from './values';

/** Pulumi's markers (sdk/go/common/resource/sig). Other marked values (assets, references, NaN) are carried as they are. */
export const SIGNATURE = '4dabf18193072939515e22adb298388d';
export const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';

/** What turns plaintexts into ciphertexts; `path` names the secret within the state, so that an unchanged one keeps its ciphertext. */
export interface SecretCodec {
  encrypt(plaintext: string, path: string): string;
  decrypt(ciphertext: string, path: string): string;
}

/** Inside a secret everything is encrypted already: an inner secret keeps its mark and its text. */
const INSIDE_SECRET: SecretCodec = { encrypt: (plaintext) => plaintext, decrypt: (ciphertext) => ciphertext };

/** Property values as the checkpoint's JSON holds them: keys in order, a secret as its JSON text, encrypted. */
export function encodeProperties(map: PropertyMap, codec: SecretCodec, path: string): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  for (const key of Object.keys(map).sort()) {
    const value = map[key];
    if (value !== undefined) define(raw, key, encode(value, codec, `${path}.${key}`));
  }
  return raw;
}

function encode(value: PropertyValue, codec: SecretCodec, path: string): unknown {
  if (value instanceof Unknown) {
    throw new Error(`${path} is only known after apply and cannot be stored.`);
  }
  if (value instanceof Secret) {
    const plaintext = JSON.stringify(encode(value.value, INSIDE_SECRET, path));
    return { [SIGNATURE]: SECRET_SIGNATURE, ciphertext: codec.encrypt(plaintext, path) };
  }
  if (Array.isArray(value)) return value.map((entry, at) => encode(entry, codec, `${path}[${at}]`));
  if (value !== null && typeof value === 'object') return encodeProperties(value, codec, path);
  return value;
}

export function decodeProperties(raw: unknown, codec: SecretCodec, path: string): PropertyMap {
  const map: PropertyMap = {};
  for (const [key, value] of Object.entries((raw ?? {}) as Record<string, unknown>)) {
    define(map, key, decode(value, codec, `${path}.${key}`));
  }
  return map;
}

function decode(raw: unknown, codec: SecretCodec, path: string): PropertyValue {
  if (raw === null || raw === undefined) return null;
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return raw;
  if (Array.isArray(raw)) return raw.map((entry, at) => decode(entry, codec, `${path}[${at}]`));
  const object = raw as Record<string, unknown>;
  return object[SIGNATURE] === SECRET_SIGNATURE
    ? decodeSecret(object, codec, path)
    : decodeProperties(object, codec, path);
}

function decodeSecret(object: Record<string, unknown>, codec: SecretCodec, path: string): Secret {
  const { ciphertext, plaintext } = object;
  let text: string;
  // `pulumi stack export --show-secrets` and back leaves plaintexts.
  if (typeof plaintext === 'string' && ciphertext === undefined) text = plaintext;
  else if (typeof ciphertext === 'string' && plaintext === undefined) text = codec.decrypt(ciphertext, path);
  else throw malformedSecret(path, 'it has not exactly one of ciphertext and plaintext');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformedSecret(path, 'what it holds is not JSON');
  }
  return new Secret(decode(value, INSIDE_SECRET, path));
}

function malformedSecret(path: string, why: string): PlatformError {
  return new PlatformError(
    'secret-malformed',
    `The secret ${path} in the state is malformed: ${why}.`,
    'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups.',
    { object: path },
  );
}

/** A plain assignment of a key named __proto__ would be lost. */
function define<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}
