import { encodeDate, encodeTimestamp } from './binaryTimes';
import type { Conversion, Piece, Present } from './conversion';
import { textOfValue } from './texts';
import {
  floorDivide,
  parseTime,
  roundMicros,
  roundTimestamp,
  secondsForm,
  TIMESTAMP_MICROS,
  timestampText,
} from './time';
import type { TimeUnit } from './units';
import { type Fit, Unfit } from './value';

const DAY_MS = 86_400_000n;
const DAY_MICROS = DAY_MS * 1000n;
/** Years 1 to 9999, which SQLite's functions reach. */
const LOWEST_MS = -62_135_596_800_000n;
const HIGHEST_MS = 253_402_300_799_999n;

/** Seconds since 1970 with six decimals. */
const secondsOnServer = (c: string): string => `extract(epoch from ${c})::text`;

/** Microseconds since 1970; `finer`: something below them was cut off. */
function microsOf(value: Present, unit: TimeUnit): { micros: bigint; finer: boolean } | Unfit {
  if (value.storage === 'integer' && unit !== 'julianday') {
    const factor = { 'unixepoch-ms': 1000n, 'unixepoch-s': 1_000_000n, 'unixepoch-us': 1n }[unit];
    return { micros: value.value * factor, finer: false };
  }
  if (value.storage === 'integer' || value.storage === 'real') {
    const number = Number(value.value);
    const factor = { 'unixepoch-ms': 1000, 'unixepoch-s': 1_000_000, 'unixepoch-us': 1, julianday: 0 }[unit];
    // SQLite's own julian days are exact to the millisecond.
    const micros = unit === 'julianday' ? Math.round((number - 2_440_587.5) * 86_400_000) * 1000 : number * factor;
    if (!Number.isFinite(micros)) return new Unfit('out-of-range', 'infinite', null);
    // A fraction of a millisecond is rather a julian day.
    if (
      value.storage === 'real' &&
      unit !== 'julianday' &&
      !Number.isInteger(unit === 'unixepoch-ms' ? number : micros)
    )
      return new Unfit('invalid-date', `a fraction of ${unit}`, null);
    // Multiplied as a double, late milliseconds would get a fraction.
    return { micros: unit === 'unixepoch-ms' ? BigInt(number) * 1000n : BigInt(Math.trunc(micros)), finer: false };
  }
  const text = value.storage === 'text' ? textOfValue(value) : new Unfit('invalid-date', 'bytes', null);
  if (text instanceof Unfit) return new Unfit(text.kind, text.reason, null);
  return parseTime(text) ?? new Unfit('invalid-date', 'no such date, or not written as one', null);
}

/** Written by Prisma's adapters or by CURRENT_TIMESTAMP, with a date that there is, not before 1970. */
const isPlainText = (x: string): string =>
  `typeof(${x}) = 'text' AND ${x} >= '1970-01-02' AND length(${x}) IN (19, 23, 24, 29) AND substr(${x}, 20, 1) IN ('', '.') AND substr(${x}, 24) IN ('', 'Z', '+00:00')
   AND substr(${x}, 21, 3) NOT GLOB '*[^0-9]*' AND strftime('%Y-%m-%d%H:%M:%S', ${x}) = substr(${x}, 1, 10) || substr(${x}, 12, 8) AND substr(${x}, 12, 2) < '24' AND instr(${x}, char(0)) = 0`;

export function timestampConversion(type: string, digits: number, hasZone: boolean, unit: TimeUnit): Conversion {
  const coarse = 10 ** Math.max(0, 3 - digits);
  const isNumber = (x: string): string =>
    unit === 'unixepoch-ms'
      ? `typeof(${x}) = 'integer' AND ${x} BETWEEN ${LOWEST_MS} AND ${HIGHEST_MS} AND ${x} NOT BETWEEN -999 AND -1${coarse === 1 ? '' : ` AND ${x} % ${coarse} = 0`}`
      : 'FALSE';
  const zone = hasZone ? '+00' : '';
  const fit = (micros: bigint): Fit => {
    const text = timestampText(micros);
    return {
      text: text.endsWith(' BC') ? text.replace(' BC', `${zone} BC`) : text + zone,
      canonical: secondsForm(micros),
    };
  };
  return {
    label: `${unit === 'unixepoch-ms' ? 'milliseconds' : unit} or text to ${type}`,
    fits: (x) => `(${isNumber(x)} OR ${digits >= 3 ? isPlainText(x) : 'FALSE'})`,
    // Much faster than strftime() with fractions.
    copy: (x) => {
      const after = `(${x} % 1000 + 1000) % 1000`;
      return {
        spec: `%s.%03d${zone}`,
        arguments: [
          `iif(typeof(${x}) = 'integer', datetime((${x} - ${after}) / 1000, 'unixepoch'), datetime(${x}))`,
          `iif(typeof(${x}) = 'integer', ${after}, substr(${x} || '.000', 21, 3))`,
        ],
      };
    },
    encode: encodeTimestamp(unit === 'unixepoch-ms', digits),
    canonical: (x): Piece => ({
      spec: '%d.%03d000',
      arguments: [
        `iif(typeof(${x}) = 'integer', ${x} / 1000, unixepoch(substr(${x}, 1, 19)))`,
        `iif(typeof(${x}) = 'integer', abs(${x} % 1000), substr(${x} || '.000', 21, 3))`,
      ],
    }),
    server: secondsOnServer,
    convert: (value) => {
      const time = microsOf(value, unit);
      if (time instanceof Unfit) return time;
      if (time.micros < TIMESTAMP_MICROS.lowest || time.micros > TIMESTAMP_MICROS.highest)
        return new Unfit('out-of-range', `${type} is loaded from 4713 BC to 294246 AD`, null);
      const rounded = roundTimestamp(time.micros, digits);
      if (rounded === time.micros && !time.finer) return fit(rounded);
      return new Unfit('precision', `${type} keeps ${digits} digits of a second`, fit(rounded));
    },
  };
}

export function dateConversion(unit: TimeUnit): Conversion {
  const fit = (day: bigint): Fit => ({
    text: timestampText(day * DAY_MICROS).replace(' 00:00:00', ''),
    canonical: String(day),
  });
  return {
    label: `${unit === 'unixepoch-ms' ? 'milliseconds' : unit} or text to date`,
    fits: (x) => {
      const isNumber =
        unit === 'unixepoch-ms'
          ? `typeof(${x}) = 'integer' AND ${x} BETWEEN ${LOWEST_MS} AND ${HIGHEST_MS} AND ${x} % ${DAY_MS} = 0`
          : 'FALSE';
      const isText = `typeof(${x}) = 'text' AND length(${x}) = 10 AND ${x} >= '0001' AND date(${x}) = ${x}`;
      return `(${isNumber} OR ${isText})`;
    },
    copy: (x) => ({
      spec: '%s',
      arguments: [`iif(typeof(${x}) = 'integer', date(${x} / 1000, 'unixepoch'), ${x})`],
    }),
    encode: encodeDate(unit === 'unixepoch-ms'),
    canonical: (x) => ({
      spec: '%d',
      arguments: [`iif(typeof(${x}) = 'integer', ${x} / ${DAY_MS}, unixepoch(${x}) / 86400)`],
    }),
    server: (c) => `(${c} - date '1970-01-01')::text`,
    convert: (value) => {
      const time = microsOf(value, unit);
      if (time instanceof Unfit) return time;
      if (time.micros < TIMESTAMP_MICROS.lowest || time.micros > TIMESTAMP_MICROS.highest)
        return new Unfit('out-of-range', 'beyond what is converted: 4713 BC to 294246 AD', null);
      const day = floorDivide(time.micros, DAY_MICROS);
      if (day * DAY_MICROS === time.micros && !time.finer) return fit(day);
      return new Unfit('precision', 'date has no time of day', fit(day));
    },
  };
}

const CLOCK = /^\s*(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*$/;

/** A time of day, of 1970-01-01 where it is written as a whole time, as Prisma does. */
export function clockConversion(type: string, digits: number, unit: TimeUnit): Conversion {
  const fit = (micros: bigint): Fit => ({
    text: timestampText(micros).slice('1970-01-01 '.length),
    canonical: secondsForm(micros),
  });
  return {
    label: `text or ${unit} to ${type}`,
    fits: () => 'FALSE',
    copy: (x) => ({ spec: '%Q', arguments: [x] }),
    encode: undefined,
    canonical: (x) => ({ spec: '%Q', arguments: [x] }),
    server: secondsOnServer,
    convert: (value) => {
      const clock = value.storage === 'text' ? CLOCK.exec(value.value.toString('utf8')) : null;
      const time =
        clock === null
          ? microsOf(value, unit)
          : parseTime(`1970-01-01 ${value.storage === 'text' ? value.value.toString('utf8').trim() : ''}`);
      if (time === undefined) return new Unfit('invalid-date', 'no such time of day', null);
      if (time instanceof Unfit) return time;
      if (time.micros < 0n || time.micros >= DAY_MICROS)
        return new Unfit(
          'precision',
          'has a date, which a time of day cannot keep',
          fit(((time.micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS),
        );
      const rounded = roundMicros(time.micros, digits);
      if (rounded === time.micros && !time.finer) return fit(rounded);
      return new Unfit(
        'precision',
        `${type} keeps ${digits} digits of a second`,
        rounded < DAY_MICROS ? fit(rounded) : null,
      );
    },
  };
}
