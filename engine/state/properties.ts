import type { Crypter } from './passphrase';
import { type PropertyMap, type PropertyValue, Secret, Unknown } from './values';

const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';

/** Property values as the checkpoint's JSON holds them: a secret is its JSON text, encrypted. */
export function encodeProperties(map: PropertyMap, crypter: Crypter): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, encode(value, crypter)]));
}

function encode(value: PropertyValue, crypter: Crypter): unknown {
  if (value instanceof Unknown) throw new Error('A value that is only known after apply cannot be stored.');
  if (value instanceof Secret) {
    return { [SIGNATURE]: SECRET_SIGNATURE, ciphertext: crypter.encrypt(JSON.stringify(plainOf(value.value))) };
  }
  if (Array.isArray(value)) return value.map((entry) => encode(entry, crypter));
  if (value !== null && typeof value === 'object') return encodeProperties(value, crypter);
  return value;
}

/** Nothing inside a secret is marked again. */
function plainOf(value: PropertyValue): unknown {
  if (value instanceof Secret) return plainOf(value.value);
  if (Array.isArray(value)) return value.map(plainOf);
  if (value !== null && typeof value === 'object' && !(value instanceof Unknown)) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plainOf(entry)]));
  }
  return value;
}

export function decodeProperties(raw: Record<string, unknown> | undefined, crypter: Crypter): PropertyMap {
  return Object.fromEntries(Object.entries(raw ?? {}).map(([key, value]) => [key, decode(value, crypter)]));
}

function decode(raw: unknown, crypter: Crypter): PropertyValue {
  if (raw === null || raw === undefined) return null;
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return raw;
  if (Array.isArray(raw)) return raw.map((entry) => decode(entry, crypter));
  const object = raw as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET_SIGNATURE) {
    const { ciphertext, plaintext } = object;
    const text = typeof ciphertext === 'string' ? crypter.decrypt(ciphertext) : String(plaintext);
    return new Secret(decode(JSON.parse(text), crypter));
  }
  return decodeProperties(object, crypter);
}
