import {
  type Major,
  MAJORS,
  majorsOf,
  type ParameterContext,
  type ParameterKind,
  type ParameterSpec,
  type ParameterUnit,
  specIn,
} from './parameter';
import { connectionParameters } from './table/connections';
import { extensionParameters } from './table/extensions';
import { loggingParameters } from './table/logging';
import { maintenanceParameters } from './table/maintenance';
import { otherParameters } from './table/other';
import { plannerParameters } from './table/planner';
import { replicationParameters } from './table/replication';
import { resourceParameters } from './table/resources';
import { sessionParameters } from './table/session';
import { walParameters } from './table/wal';

/** Every parameter a configuration file may set in a supported major, and those of the extensions this project uses. */
export const knownParameters: readonly ParameterSpec[] = [
  ...connectionParameters,
  ...resourceParameters,
  ...maintenanceParameters,
  ...walParameters,
  ...replicationParameters,
  ...plannerParameters,
  ...loggingParameters,
  ...sessionParameters,
  ...otherParameters,
  ...extensionParameters,
];

// PostgreSQL compares parameter names without case (TimeZone, timezone).
const byName = new Map(knownParameters.map((spec) => [spec.name.toLowerCase(), spec]));

/** What is known of a parameter, as one major has it or (with what older ones differ in) as the newest; undefined for an unknown one. */
export function parameterSpec(name: string, major?: Major): ParameterSpec | undefined {
  const spec = byName.get(name.toLowerCase());
  return spec === undefined || major === undefined ? spec : specIn(spec, major);
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

/** A row of pg_settings. */
export interface CatalogParameter {
  name: string;
  vartype: string;
  unit: string | null;
  context: string;
  min_val: string | null;
  max_val: string | null;
  enumvals: string[] | null;
}

/** What the running server says of a parameter, for those the tables do not hold. The kind `list` is not in the catalog. */
export function specFromCatalog(row: CatalogParameter): ParameterSpec {
  const kinds: Record<string, ParameterKind> = { bool: 'bool', integer: 'integer', real: 'real', enum: 'enum' };
  return {
    name: row.name,
    kind: kinds[row.vartype] ?? 'string',
    context: row.context as ParameterContext,
    ...(row.unit === null ? {} : { unit: row.unit as ParameterUnit }),
    ...(row.min_val === null ? {} : { min: Number(row.min_val) }),
    ...(row.max_val === null ? {} : { max: Number(row.max_val) }),
    ...(row.enumvals === null ? {} : { values: row.enumvals }),
  };
}

/** `15 to 17`, `18 and later`; empty when every supported major knows the parameter. */
export function majorsText(spec: ParameterSpec): string {
  const majors = majorsOf(spec);
  if (majors.length === MAJORS.length) return '';
  if (spec.until === undefined) return `PostgreSQL ${spec.since ?? 15} and later`;
  const first = majors[0] ?? spec.until;
  return first === spec.until ? `PostgreSQL ${first}` : `PostgreSQL ${first} to ${spec.until}`;
}
