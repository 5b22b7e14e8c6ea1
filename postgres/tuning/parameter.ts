/**
 * What is known of one server parameter. The tables below `table/` hold every parameter a configuration file may set in
 * PostgreSQL 15 to 18; the source is pg_settings of those four majors.
 */
export const MAJORS = [15, 16, 17, 18] as const;
export type Major = (typeof MAJORS)[number];

/** `list`: a string of comma-separated items (shared_preload_libraries, search_path). */
export type ParameterKind = 'bool' | 'integer' | 'real' | 'enum' | 'string' | 'list';

/** The unit of a bare number: 32768 in `8kB` is 256 MB. */
export type ParameterUnit = 'B' | 'kB' | '8kB' | 'MB' | 'ms' | 's' | 'min';

/**
 * What a changed value in the configuration file needs: `postmaster` a restart; `sighup`, `superuser` and `user` a reload;
 * `backend` and `superuser-backend` a reload that later sessions see.
 */
export type ParameterContext = 'postmaster' | 'sighup' | 'superuser' | 'user' | 'backend' | 'superuser-backend';

/** How Amazon RDS takes a change: at once, at the next reboot, or not at all. */
export type RdsApply = 'dynamic' | 'static' | 'unavailable';

export interface ParameterSpec {
  name: string;
  kind: ParameterKind;
  context: ParameterContext;
  unit?: ParameterUnit;
  /** In `unit`, inclusive; only numbers have them. */
  min?: number;
  max?: number;
  /** What an enum accepts on any platform; one build may offer fewer (lz4, io_uring). */
  values?: readonly string[];
  /** First and last major that knows it; absent: all supported ones. */
  since?: Major;
  until?: Major;
  /** What is different up to and including a major. */
  older?: { upTo: Major } & Partial<Pick<ParameterSpec, 'kind' | 'context' | 'min' | 'max'>>;
}

type Extra = Pick<ParameterSpec, 'since' | 'until' | 'older'>;

/** Largest value of PostgreSQL's integer parameters. */
export const INT = 2_147_483_647;

export const bool = (name: string, context: ParameterContext, extra: Extra = {}): ParameterSpec => ({
  name,
  kind: 'bool',
  context,
  ...extra,
});

export const integer = (
  name: string,
  context: ParameterContext,
  min: number,
  max: number,
  extra: Extra = {},
): ParameterSpec => ({ name, kind: 'integer', context, min, max, ...extra });

/** An integer that counts a unit of memory or time. */
export const size = (
  name: string,
  context: ParameterContext,
  unit: ParameterUnit,
  min: number,
  max: number,
  extra: Extra = {},
): ParameterSpec => ({ name, kind: 'integer', context, unit, min, max, ...extra });

export const real = (
  name: string,
  context: ParameterContext,
  min: number,
  max: number,
  extra: Extra = {},
): ParameterSpec => ({ name, kind: 'real', context, min, max, ...extra });

export const realSize = (
  name: string,
  context: ParameterContext,
  unit: ParameterUnit,
  min: number,
  max: number,
  extra: Extra = {},
): ParameterSpec => ({ name, kind: 'real', context, unit, min, max, ...extra });

/** `values` separated by `|`. */
export const choice = (name: string, context: ParameterContext, values: string, extra: Extra = {}): ParameterSpec => ({
  name,
  kind: 'enum',
  context,
  values: values.split('|'),
  ...extra,
});

export const text = (name: string, context: ParameterContext, extra: Extra = {}): ParameterSpec => ({
  name,
  kind: 'string',
  context,
  ...extra,
});

export const list = (name: string, context: ParameterContext, extra: Extra = {}): ParameterSpec => ({
  name,
  kind: 'list',
  context,
  ...extra,
});

/** Majors that know the parameter. */
export function majorsOf(spec: ParameterSpec): Major[] {
  return MAJORS.filter((major) => major >= (spec.since ?? 15) && major <= (spec.until ?? 18));
}

/** The specification as one major has it; without a major, as the newest one that knows it. */
export function specIn(spec: ParameterSpec, major?: Major): ParameterSpec {
  const { older, ...newest } = spec;
  if (older === undefined || major === undefined || major > older.upTo) return newest;
  const difference: Partial<ParameterSpec> = { ...older };
  delete (difference as { upTo?: Major }).upTo;
  return { ...newest, ...difference };
}
