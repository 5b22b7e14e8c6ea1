import type { Problem } from '../../system/errors';
import type { ParameterValue } from '../spec';
import { nearest } from './nearest';
import { readNumber } from './number';
import { isNamespaced, majorsText, parameterNames, type ParameterSpec, parameterSpec } from './parameter';
import { formatSize } from './units';

/** Numbers count the parameter's own unit (`256MB` of shared_buffers is 32768); an enum is in lower case. */
export type ParsedValue = boolean | number | string | readonly string[];

export interface ParsedParameter {
  /** As PostgreSQL spells it. */
  name: string;
  /** Absent for an extension's parameter this project does not know. */
  spec?: ParameterSpec;
  value: ParsedValue;
  /** What a configuration file holds, without quotes. */
  text: string;
}

export type ParameterResult = { parameter: ParsedParameter; problem?: never } | { parameter?: never; problem: Problem };

export interface ParameterOptions {
  /** The server's major version; without it a parameter of any known major will do. */
  major?: number;
}

/** At most 80 characters of a value as JSON, so that no value can flood a message or write control sequences to a terminal. */
export function showValue(value: unknown): string {
  // Only the beginning is looked at: a value may be megabytes long.
  const text =
    typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : (JSON.stringify(value) ?? typeof value);
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return shown.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A parameter's name as it is, where it looks like one. */
const showName = (name: string): string => (/^[\w.$-]{1,80}$/.test(name) ? name : showValue(name));

const TRUE = ['on', 'true', 'yes', '1'];
const FALSE = ['off', 'false', 'no', '0'];

/** PostgreSQL's boolean words, and any unambiguous beginning of them. */
function readBoolean(value: ParameterValue): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = String(value).toLowerCase();
  const begins = (words: string[]): boolean =>
    words.some((candidate) => candidate === word || (word.length > 0 && word !== 'o' && candidate.startsWith(word)));
  if (begins(TRUE)) return true;
  return begins(FALSE) ? false : undefined;
}

/** `a, "b,c"` -> [`a`, `b,c`]; undefined when a quote is left open, misplaced, or an item is empty. */
export function splitList(text: string): string[] | undefined {
  if (text.trim() === '') return [];
  // Split at the commas outside quotes: an even number of quotes lies before them.
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '"') quoted = !quoted;
    else if (text[index] === ',' && !quoted) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(text.slice(start).trim());
  const items = parts.map((part) =>
    part.length > 1 && part.startsWith('"') && part.endsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
  const misplaced = parts.some((part) => !part.startsWith('"') && part.includes('"'));
  return misplaced || items.includes('') ? undefined : items;
}

/** The value as `spec` wants it, or what was expected. */
export function readValue(
  spec: ParameterSpec,
  value: ParameterValue,
): { value: ParsedValue; text: string } | { expected: string } {
  switch (spec.type) {
    case 'bool': {
      const read = readBoolean(value);
      return read === undefined ? { expected: 'on or off' } : { value: read, text: read ? 'on' : 'off' };
    }
    case 'integer':
    case 'real': {
      if (typeof value === 'boolean') return { expected: 'a number' };
      const read = readNumber(spec, value);
      return 'expected' in read ? read : { value: read.value, text: String(value).trim() };
    }
    case 'enum': {
      const values = spec.values ?? [];
      const written = String(value).trim().toLowerCase();
      const found = values.find((candidate) => candidate.toLowerCase() === written);
      if (found !== undefined) return { value: found, text: found };
      // YAML turns on and off into booleans; PostgreSQL takes the other boolean words, in full, as well.
      if (values.includes('on') && values.includes('off')) {
        if (TRUE.includes(written)) return { value: 'on', text: 'on' };
        if (FALSE.includes(written)) return { value: 'off', text: 'off' };
      }
      return { expected: `one of ${values.map((candidate) => (candidate === '' ? "''" : candidate)).join(', ')}` };
    }
    case 'list': {
      const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value).trim();
      const items = splitList(text);
      return items === undefined ? { expected: 'items separated by commas' } : { value: items, text };
    }
    case 'string':
      if (typeof value === 'boolean') return { expected: 'a text (put it in quotes)' };
      return { value: String(value), text: String(value) };
  }
}

function unknownParameter(name: string): Problem {
  const known = nearest(name, parameterNames);
  return {
    code: 'parameter-unknown',
    message: `PostgreSQL has no parameter ${showValue(name)}.`,
    remedy:
      known === undefined
        ? 'Remove it; a parameter of an extension is written EXTENSION.NAME.'
        : `Did you mean ${known}? A parameter of an extension is written EXTENSION.NAME.`,
    object: showName(name),
  };
}

/** The name that the founding document has. */
function walKeepSegments(value: ParameterValue): Problem {
  const count = typeof value === 'boolean' ? Number.NaN : Number(value);
  const size = Number.isSafeInteger(count) && count >= 0 ? formatSize(count * 16, 'MB') : '(segments x 16MB)';
  return {
    code: 'parameter-removed',
    message: `Parameter wal_keep_segments (value ${showValue(value)}) left PostgreSQL in 13, where wal_keep_size replaced it.`,
    remedy: `Write wal_keep_size: ${size} instead (segments of 16MB each).`,
    object: 'wal_keep_segments',
  };
}

/** Reads one parameter: its name known to the server's major, its value of the right type, unit and range. Never throws. */
export function parseParameter(name: string, value: ParameterValue, { major }: ParameterOptions = {}): ParameterResult {
  const spec = parameterSpec(name, major);
  const bad = (code: string, message: string, remedy: string): ParameterResult => ({
    problem: { code, message, remedy, object: showName(name) },
  });
  if (typeof value === 'string' && value.includes('\0')) {
    return bad('parameter-value', `Parameter ${showValue(name)} contains NUL.`, 'Remove the NUL character.');
  }
  if (spec === undefined) {
    if (parameterSpec(name) !== undefined) {
      return bad(
        'parameter-not-in-major',
        `Parameter ${name} is one of ${majorsText(name)}; this server is PostgreSQL ${major}.`,
        'Remove it, or use a server of a major version that has it.',
      );
    }
    if (name.toLowerCase() === 'wal_keep_segments') return { problem: walKeepSegments(value) };
    if (!isNamespaced(name)) return { problem: unknownParameter(name) };
    const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
    return { parameter: { name, value: text, text } };
  }
  if (spec.context === 'internal') {
    return bad(
      'parameter-fixed',
      `Parameter ${spec.name} cannot be set in a configuration file: build, initdb, database or transaction decide it.`,
      'Remove it.',
    );
  }
  const read = readValue(spec, value);
  if ('expected' in read) {
    return bad(
      'parameter-value',
      `Parameter ${spec.name} is ${showValue(value)}; expected ${read.expected}.`,
      `Correct the value of ${spec.name}.`,
    );
  }
  return { parameter: { name: spec.name, spec, ...read } };
}

/** Whether two values of a parameter mean the same to the server: `256MB` and 32768 of shared_buffers, `on` and true. */
export function equalParameter(
  name: string,
  a: ParameterValue,
  b: ParameterValue,
  options: ParameterOptions = {},
): boolean {
  const first = parseParameter(name, a, options).parameter;
  const second = parseParameter(name, b, options).parameter;
  if (first === undefined || second === undefined) return String(a) === String(b);
  const { value: x } = first;
  const { value: y } = second;
  if (typeof x === 'object' && typeof y === 'object') {
    return x.length === y.length && x.every((item, index) => item === y[index]);
  }
  if (first.spec?.type === 'real' && typeof x === 'number' && typeof y === 'number') {
    // pg_settings shows 6 significant digits ("%g").
    return x === y || x.toPrecision(6) === y.toPrecision(6);
  }
  return x === y;
}
