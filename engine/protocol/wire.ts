import { Struct } from 'google-protobuf/google/protobuf/struct_pb';

import { UNKNOWN_ON_WIRE } from '../../system/unknown';
import { type PropertyMap, type PropertyValue, Secret, UNKNOWN, Unknown } from '../state/values';

/** Pulumi's markers on the wire and in checkpoints (sdk/go/common/resource/sig). */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';
const OUTPUT_SIGNATURE = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';
/** A protobuf Struct as property values; secrets and unknowns become `Secret` and `UNKNOWN`. */
export function fromStruct(struct: Struct | undefined): PropertyMap {
  return struct === undefined ? {} : decodeMap(struct.toJavaScript());
}

function decodeMap(raw: Record<string, unknown>): PropertyMap {
  const map: PropertyMap = {};
  for (const [key, value] of Object.entries(raw)) {
    if (value !== undefined) map[key] = decode(value);
  }
  return map;
}

function decode(raw: unknown): PropertyValue {
  if (raw === null || raw === undefined) return null;
  if (raw === UNKNOWN_ON_WIRE) return UNKNOWN;
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return raw;
  if (Array.isArray(raw)) return raw.map(decode);
  const object = raw as Record<string, unknown>;
  switch (object[SIGNATURE]) {
    case SECRET_SIGNATURE:
      return new Secret(decode(object['value']));
    case OUTPUT_SIGNATURE: {
      const value = 'value' in object ? decode(object['value']) : UNKNOWN;
      return object['secret'] === true ? new Secret(value) : value;
    }
    default:
      return decodeMap(object);
  }
}

/** Property values as a protobuf Struct for the program: secrets stay marked, unknowns become the sentinel. */
export function toStruct(map: PropertyMap): Struct {
  return Struct.fromJavaScript(encodeMap(map) as Parameters<typeof Struct.fromJavaScript>[0]);
}

function encodeMap(map: PropertyMap): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(map)) raw[key] = encode(value);
  return raw;
}

function encode(value: PropertyValue): unknown {
  if (value instanceof Unknown) return UNKNOWN_ON_WIRE;
  if (value instanceof Secret) return { [SIGNATURE]: SECRET_SIGNATURE, value: encode(value.value) };
  if (Array.isArray(value)) return value.map(encode);
  if (value !== null && typeof value === 'object') return encodeMap(value);
  return value;
}

/** Without secret marks, unknowns as the sentinel: what a provider that does not know secrets is sent. */
export function unwrap(value: PropertyMap): Record<string, Plain> {
  const raw: Record<string, Plain> = {};
  for (const [key, entry] of Object.entries(value)) raw[key] = unwrapValue(entry);
  return raw;
}

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

export function unwrapValue(value: PropertyValue): Plain {
  if (value instanceof Unknown) return UNKNOWN_ON_WIRE;
  if (value instanceof Secret) return unwrapValue(value.value);
  if (Array.isArray(value)) return value.map(unwrapValue);
  if (value !== null && typeof value === 'object') return unwrap(value);
  return value;
}

/** A provider's plain answer as property values: the sentinel becomes `UNKNOWN` again. */
export function rewrap(raw: Record<string, unknown>): PropertyMap {
  return decodeMap(raw);
}

/**
 * Marks values of `plain` secret wherever `like` has a secret at the same place (Pulumi does the same for providers
 * that do not pass secrets through), and every property named in `additional`.
 */
export function markSecrets(plain: PropertyMap, like: PropertyMap, additional: readonly string[] = []): PropertyMap {
  const marked: PropertyMap = {};
  for (const [key, value] of Object.entries(plain)) {
    const original = like[key];
    const inner = original === undefined ? value : markValue(value, original);
    marked[key] = additional.includes(key) && !(inner instanceof Secret) ? new Secret(inner) : inner;
  }
  return marked;
}

function markValue(value: PropertyValue, like: PropertyValue): PropertyValue {
  if (value instanceof Secret) return value;
  if (like instanceof Secret) return new Secret(value);
  if (isMap(value) && isMap(like)) return markSecrets(value, like);
  if (Array.isArray(value) && Array.isArray(like)) {
    return value.map((entry, at) => (like[at] === undefined ? entry : markValue(entry, like[at])));
  }
  return value;
}

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    value !== null &&
    value !== undefined &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** Whether any value inside is only known after apply. */
export function hasUnknown(value: PropertyValue): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return hasUnknown(value.value);
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isMap(value) && Object.values(value).some(hasUnknown);
}

/** Equality by value, secret marks aside. Unknown equals nothing. */
export function sameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a instanceof Secret) return sameValue(a.value, b);
  if (b instanceof Secret) return sameValue(a, b.value);
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((entry, at) => sameValue(entry, b[at]));
  if (isMap(a) && isMap(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => sameValue(a[key], b[key]));
  }
  return false;
}
