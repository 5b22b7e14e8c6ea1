import { isUtf8 } from 'node:buffer';

import { encodeBytes, encodeJson, encodeLabel, encodeText, encodeUuid } from './binary';
import { asText, type Conversion, type Present, quoted, serverQuoted } from './conversion';
import { jsonbText, JsonError } from './json';
import { type Converted, decimalText, floatText, Unfit } from './value';

const fitText = (text: string): { text: string; canonical: string } => ({ text, canonical: quoted(text) });

/** A value as text; `Unfit` where it is not valid or has U+0000. */
export function textOfValue(value: Present): string | Unfit {
  if (value.storage === 'integer') return String(value.value);
  // As SQLite itself would show it.
  if (value.storage === 'real') {
    const text = floatText(value.value);
    return /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
  const text = value.value.toString('utf8');
  const clean = text.replaceAll('\u0000', '\ufffd');
  if (!isUtf8(value.value)) return new Unfit('invalid-utf8', 'not valid in the encoding of the file', fitText(clean));
  return clean === text ? text : new Unfit('nul-byte', 'contains U+0000', fitText(clean));
}

const isCleanText = (x: string): string => `typeof(${x}) = 'text' AND instr(${x}, char(0)) = 0`;

/** text, varchar(n), char(n) and citext. */
export function textConversion(type: string, longest: number | undefined, isPadded: boolean): Conversion {
  const canonicalText = (text: string): string => quoted(isPadded ? text.replace(/ +$/, '') : text);
  const cut = (text: string): string => [...text].slice(0, longest).join('');
  return {
    label: `text to ${type}`,
    fits: (x) => isCleanText(x) + (longest === undefined ? '' : ` AND length(${x}) <= ${longest}`),
    copy: asText,
    encode: encodeText(longest),
    canonical: (x) => asText(isPadded ? `rtrim(${x}, ' ')` : x),
    server: (c) => serverQuoted(c),
    convert: (value) => {
      const text = textOfValue(value);
      if (text instanceof Unfit) {
        const clean = text.replacement?.text ?? '';
        return new Unfit(text.kind, text.reason, { text: cut(clean), canonical: canonicalText(cut(clean)) });
      }
      if (longest !== undefined && text.length > longest && [...text].length > longest) {
        const reason = `${[...text].length} characters, where ${type} takes ${longest}`;
        return new Unfit('too-long', reason, { text: cut(text), canonical: canonicalText(cut(text)) });
      }
      return { text, canonical: canonicalText(text) };
    },
  };
}

/** Every type without a conversion of its own reads text by itself; as it prints it, so it has to be written to compare as equal. */
export const inputConversion = (type: string): Conversion => ({
  ...textConversion(type, undefined, false),
  encode: undefined,
  // A cast of inet adds a mask that its output has not.
  server: (c) => serverQuoted(c, `(CASE WHEN ${c} IS NOT NULL THEN format('%s', ${c}) END)`),
});

export function enumConversion(type: string, labels: readonly string[]): Conversion {
  const list = labels.map(quoted).join(', ');
  return {
    label: `text to enum ${type}`,
    fits: (x) => `typeof(${x}) = 'text' AND ${x} COLLATE BINARY IN (${list})`,
    copy: asText,
    encode: encodeLabel(labels),
    canonical: asText,
    server: (c) => serverQuoted(c),
    convert: (value) => {
      const text = textOfValue(value);
      if (text instanceof Unfit) return new Unfit(text.kind, text.reason, null);
      if (!labels.includes(text)) return new Unfit('invalid-value', `${type} has no such value`, null);
      return fitText(text);
    },
  };
}

const FIVE_DIGITS = '[0-9]'.repeat(5);

/** A JSON text that SQLite checks; one with escapes, or with numbers that may be too long for `numeric`, JavaScript looks closer at. */
const isPlainJson = (x: string): string =>
  `typeof(${x}) = 'text' AND json_valid(${x}) AND instr(${x}, '\\u') = 0 AND instr(${x}, char(0)) = 0
   AND length(${x}) <= 6000 AND ${x} NOT GLOB '*[eE]${FIVE_DIGITS}*' AND ${x} NOT GLOB '*[eE][-+]${FIVE_DIGITS}*'`;

export function jsonConversion(type: 'json' | 'jsonb'): Conversion {
  const isBinary = type === 'jsonb';
  const fit = (text: string): { text: string; canonical: string } => {
    const normal = jsonbText(text);
    return { text, canonical: isBinary ? normal : quoted(text) };
  };
  return {
    label: `text to ${type}`,
    fits: isPlainJson,
    copy: asText,
    encode: encodeJson(isBinary),
    canonical: isBinary ? 'json' : asText,
    server: isBinary ? (c) => `${c}::text` : (c) => serverQuoted(c),
    convert: (value): Converted => {
      // A JSON number in a column of SQLite's NUMERIC affinity is a number there.
      if (value.storage === 'integer') return fit(String(value.value));
      if (value.storage === 'real' && Number.isFinite(value.value)) return fit(decimalText(value.value));
      const text = textOfValue(value);
      if (text instanceof Unfit)
        return new Unfit(text.kind, text.reason, fit(JSON.stringify(text.replacement?.text ?? '')));
      try {
        return fit(text);
      } catch (error) {
        if (!(error instanceof JsonError)) throw error;
        return new Unfit('invalid-json', error.message, fit(JSON.stringify(text)));
      }
    },
  };
}

const UUID = /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;

export const uuidConversion: Conversion = {
  label: 'text or 16 bytes to uuid',
  fits: (x) =>
    `typeof(${x}) = 'text' AND length(${x}) = 36 AND substr(${x}, 9, 1) || substr(${x}, 14, 1) || substr(${x}, 19, 1) || substr(${x}, 24, 1) = '----'
     AND length(replace(${x}, '-', '')) = 32 AND replace(${x}, '-', '') NOT GLOB '*[^0-9a-fA-F]*' AND instr(${x}, char(0)) = 0`,
  copy: asText,
  encode: encodeUuid,
  canonical: (x) => asText(`lower(${x})`),
  server: (c) => serverQuoted(c),
  convert: (value) => {
    const text =
      value.storage === 'blob' && value.value.length === 16 ? value.value.toString('hex') : textOfValue(value);
    if (text instanceof Unfit) return new Unfit(text.kind, text.reason, null);
    const parts = UUID.exec(text.trim());
    if (parts === null) return new Unfit('invalid-value', 'no UUID', null);
    return fitText(parts.slice(1).join('-').toLowerCase());
  },
};

export const bytesConversion: Conversion = {
  label: 'blob to bytea',
  fits: (x) => `typeof(${x}) = 'blob'`,
  copy: (x) => ({ spec: "'\\x%s'", arguments: [`hex(${x})`] }),
  encode: encodeBytes,
  canonical: (x) => ({ spec: '%s', arguments: [`lower(hex(${x}))`] }),
  server: (c) => `encode(${c}, 'hex')`,
  convert: (value) => {
    const bytes =
      value.storage === 'integer' || value.storage === 'real' ? Buffer.from(String(value.value)) : value.value;
    const hex = bytes.toString('hex');
    return { text: `\\x${hex}`, canonical: hex };
  },
};
