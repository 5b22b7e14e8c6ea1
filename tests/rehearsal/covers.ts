import { isDeepStrictEqual } from 'node:util';

import type { Value } from './kind';

/**
 * Whether what AWS answered is what was declared: lists are sets, documents of JSON are compared as such, and of an object AWS may say more than was
 * declared. Tags have to be those and no others. Nothing declared any more where something was declared before is a difference.
 */
export function covers(found: Value | undefined, declared: Value | undefined, key = '', wasDeclared = false): boolean {
  if (isNothing(declared)) return declared === undefined ? !wasDeclared : isNothing(found);
  if (isNothing(found) || found === undefined || declared === undefined) return false;
  if (Array.isArray(declared)) return Array.isArray(found) && coversAll(found, declared);
  if (typeof declared === 'object' && declared !== null) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
    if (key === 'tags') return isDeepStrictEqual({ ...found }, { ...declared });
    return Object.entries(declared).every(([name, value]) => covers(found[name], value, name));
  }
  // Numbers may come back as texts.
  if (typeof found !== 'object' && String(found) === String(declared)) return true;
  const [one, other] = [parsed(found), parsed(declared)];
  return one !== undefined && isDeepStrictEqual(one, other);
}

function coversAll(found: Value[], declared: Value[]): boolean {
  const left = [...found];
  const missing = declared.filter((one) => {
    const at = left.findIndex((other) => covers(other, one));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return missing.length === 0 && left.length === 0;
}

/** As AWS and Terraform see it: absent, empty and off are one. */
function isNothing(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function parsed(value: Value): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
