import type { Fact, Kind, ReportDocument, Series, Value } from './document';
import { printable } from './print';

/** Where there is no value, and where a number is none (a rate of nothing in no time). */
export const NO_VALUE = '–';

/** A value as every form shows it, on one line, without a character that could steer the display. */
export function formatValue(value: Value, kind: Kind): string {
  if (value === null) return NO_VALUE;
  if (typeof value === 'string') return printable(value);
  return kind === 'text' || kind === 'checksum' ? String(value) : formatNumber(value, kind);
}

export function isNumeric(kind: Kind): boolean {
  return kind !== 'text' && kind !== 'checksum';
}

function formatNumber(value: number, kind: Series['kind']): string {
  if (!Number.isFinite(value)) return NO_VALUE;
  switch (kind) {
    case 'integer':
      return grouped(value, 3);
    case 'bytes':
      return scaled(value, [' B', ' kB', ' MB', ' GB', ' TB', ' PB']);
    case 'rate':
      return `${scaled(value, ['', 'k', 'M', 'G', 'T', 'P'])}/s`;
    case 'seconds':
      return duration(value);
    case 'percent':
      return `${percent(value)} %`;
  }
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** Powers of 1000, as disks and networks are sold: `12.3 MB`, `355k`. */
function scaled(value: number, units: readonly string[]): string {
  let [rest, at] = [value, 0];
  // What would round to 1000 of a unit is 1 of the next.
  while (Math.abs(rest) >= 999.5 && at < units.length - 1) [rest, at] = [rest / 1000, at + 1];
  return `${grouped(rest, Math.abs(rest) < 99.95 ? 1 : 0)}${units[at]}`;
}

/** `0.042 s`, `0.42 s`, `72.0 s`, `2 min 05 s`, `3 h 07 min`. */
function duration(seconds: number): string {
  if (seconds < 0.995) return `${grouped(seconds, seconds < 0.0995 ? 3 : 2)} s`;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${grouped(Math.floor(minutes / 60), 0)} h ${twoDigits(minutes % 60)} min`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** One digit; neither all nor none unless it really is. */
function percent(fraction: number): string {
  const rounded = Number((fraction * 100).toFixed(1));
  if (rounded === 100 && fraction !== 1) return fraction < 1 ? '99.9' : '100.1';
  if (rounded === 0 && fraction !== 0) return fraction > 0 ? '0.1' : '-0.1';
  return grouped(rounded, 1);
}

/** `2026-11-26 08:26:46 UTC`. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** What of a series can be drawn: a rate of nothing in no time is no number. */
export function pointsOf({ points }: Series): Series['points'] {
  return points.filter(({ value }) => Number.isFinite(value));
}

/** What a plot shows, in words. */
export function describeSeries(series: Series): string {
  const { kind } = series;
  const points = pointsOf(series);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return 'Nothing has been measured yet.';
  const show = (value: number): string => formatValue(value, kind);
  if (points.length === 1) return `${show(first.value)}, measured once, at ${formatTime(first.at)}.`;
  const values = points.map(({ value }) => value);
  return (
    `${show(last.value)} at ${formatTime(last.at)}; ${show(first.value)} at ${formatTime(first.at)}. ` +
    `Lowest ${show(Math.min(...values))}, highest ${show(Math.max(...values))} of ${formatValue(points.length, 'integer')} values.`
  );
}

/** The document's own facts, then those of every run. */
export function factsOf({ facts, stack, startedAt, durationMs }: ReportDocument): Fact[] {
  return [
    ...facts,
    { label: 'Stack', value: stack },
    { label: 'Started', value: formatTime(startedAt) },
    { label: 'Took', value: durationMs / 1000, kind: 'seconds' },
  ];
}
