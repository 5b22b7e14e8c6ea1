import type { ParameterUnit } from './parameter';

/** Bytes of each memory unit and microseconds of each time unit PostgreSQL accepts, largest first. Case matters. */
const MEMORY: readonly (readonly [string, number])[] = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['kB', 1024],
  ['B', 1],
];
const TIME: readonly (readonly [string, number])[] = [
  ['d', 86_400_000_000],
  ['h', 3_600_000_000],
  ['min', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1_000],
  ['us', 1],
];

const BASE: Record<ParameterUnit, { scale: typeof MEMORY; amount: number }> = {
  B: { scale: MEMORY, amount: 1 },
  kB: { scale: MEMORY, amount: 1024 },
  '8kB': { scale: MEMORY, amount: 8192 },
  MB: { scale: MEMORY, amount: 1024 ** 2 },
  ms: { scale: TIME, amount: 1_000 },
  s: { scale: TIME, amount: 1_000_000 },
  min: { scale: TIME, amount: 60_000_000 },
};

/** The unit names a parameter counted in `base` accepts. */
export function unitNames(base: ParameterUnit): string[] {
  return BASE[base].scale.map(([name]) => name);
}

/** C's rint: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * `value` of `unit` in `base` units, rounded as PostgreSQL does (guc.c, convert_to_base_unit): to a multiple of the next
 * smaller unit. Undefined when the unit does not exist for that base.
 */
export function toBase(value: number, unit: string, base: ParameterUnit): number | undefined {
  const { scale, amount } = BASE[base];
  const index = scale.findIndex(([name]) => name === unit);
  const entry = scale[index];
  if (entry === undefined) return undefined;
  const converted = (value * entry[1]) / amount;
  const smaller = scale[index + 1];
  if (smaller === undefined) return converted;
  const step = smaller[1] / amount;
  return roundHalfEven(converted / step) * step;
}

/** Bytes (memory) or microseconds (time) of `value` base units. */
export function fromBase(value: number, base: ParameterUnit): number {
  return value * BASE[base].amount;
}

/** `32768` of `8kB` -> `256MB`: the largest unit that keeps the number whole. */
export function formatSize(value: number, base: ParameterUnit): string {
  const total = fromBase(value, base);
  if (total <= 0) return String(value);
  const entry = BASE[base].scale.find(([, amount]) => total >= amount && total % amount === 0);
  return entry === undefined ? `${value} (${base})` : `${total / entry[1]}${entry[0]}`;
}
