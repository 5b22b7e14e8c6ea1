import { extensionParameters } from './extensionParameters';
import data from './parameters.json';

/** `list`: a string of comma-separated items (shared_preload_libraries, search_path). */
export type ParameterType = 'bool' | 'integer' | 'real' | 'enum' | 'string' | 'list';

/** The unit of a bare number: 32768 in `8kB` is 256 MB. */
export type ParameterUnit = 'B' | 'kB' | '8kB' | 'MB' | 'ms' | 's' | 'min';

/**
 * What a changed value in the configuration file needs: `postmaster` a restart; `sighup`, `superuser` and `user` a reload;
 * `backend` and `superuser-backend` a reload that later sessions see. `internal`: no configuration file can set it.
 */
export type ParameterContext =
  'internal' | 'postmaster' | 'sighup' | 'superuser' | 'user' | 'backend' | 'superuser-backend';

/** A parameter as pg_settings shows it in one or more majors. */
export interface ParameterSpec {
  name: string;
  type: ParameterType;
  context: ParameterContext;
  unit?: ParameterUnit;
  /** In `unit`, inclusive; only numbers have them. */
  min?: number;
  max?: number;
  /** What an enum accepts on any platform; one build may offer fewer (lz4, io_uring). */
  values?: readonly string[];
  /** First and last major that has it so; absent: the oldest known one, and every newer one. */
  since?: number;
  until?: number;
}

/** The majors that parameters.json was made from (`npm run parameters`), oldest first. A newer server is taken for one of the newest. */
export const MAJORS: readonly number[] = data.majors;
export const OLDEST_MAJOR = Math.min(...MAJORS);
export const NEWEST_MAJOR = Math.max(...MAJORS);

/** PostgreSQL compares names without case (TimeZone, timezone). Several rows of one name: what differs between majors, oldest first. */
const byName = new Map<string, ParameterSpec[]>();
for (const spec of [...(data.parameters as ParameterSpec[]), ...extensionParameters]) {
  const key = spec.name.toLowerCase();
  byName.set(key, [...(byName.get(key) ?? []), spec]);
}

/** What a configuration file may set in a known major, and parameters of the extensions this project uses. */
export const parameterNames: readonly string[] = [...byName.values()].flatMap(([spec]) =>
  spec === undefined || spec.context === 'internal' ? [] : [spec.name],
);

/** The parameter in each known major that has it; empty for an unknown one. */
export function parameterRows(name: string): readonly ParameterSpec[] {
  return byName.get(name.toLowerCase()) ?? [];
}

/** The parameter as a server of that major has it, or without a major as the newest one that has it; undefined for an unknown one. */
export function parameterSpec(name: string, major?: number): ParameterSpec | undefined {
  const specs = parameterRows(name);
  if (major === undefined) return specs.at(-1);
  const known = Math.min(major, NEWEST_MAJOR);
  return specs.find(({ since = OLDEST_MAJOR, until = NEWEST_MAJOR }) => since <= known && known <= until);
}

/** `PostgreSQL 15 to 17`, `PostgreSQL 18 and later`. */
export function majorsText(name: string): string {
  const specs = parameterRows(name);
  const since = specs[0]?.since ?? OLDEST_MAJOR;
  const until = specs.at(-1)?.until;
  if (until === undefined) return `PostgreSQL ${since} and later`;
  return since === until ? `PostgreSQL ${until}` : `PostgreSQL ${since} to ${until}`;
}

/** `pgaudit.log`: a parameter of an extension, or of the application (`app.current_user_id`). */
export function isNamespaced(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$/.test(name);
}

/** A name the configuration file's grammar takes as a parameter; `include` is a directive there. */
export function isParameterName(name: string): boolean {
  if (/^include(_dir|_if_exists)?$/i.test(name)) return false;
  return /^[A-Za-z_][A-Za-z0-9_$]*$/.test(name) || isNamespaced(name);
}
