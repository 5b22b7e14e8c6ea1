import type { AuditSpec } from '../spec';
import { chainFunctions } from './chain';
import { guardFunction } from './guard';
import { expireFunction, maintainFunction } from './maintain';
import { type ChangeOperation, recorderName, TRIGGERS } from './names';
import { recorderBody } from './recorders';
import type { AuditedShape } from './shape';
import { suspendFunctions } from './suspend';

/** A function as it should be; the catalog is compared with every part of it. */
export interface AuditFunction {
  name: string;
  /** As pg_get_function_identity_arguments prints them. */
  arguments: string;
  /** Arguments with defaults, where that differs. */
  declared?: string;
  returns: string;
  /** SECURITY DEFINER; what it runs as is its owner. */
  definer: boolean;
  config: string[];
  source: string;
  /** `owner`: the trail's owner; `admin`: the role that applies, where the work needs a superuser. */
  ownedBy: 'owner' | 'admin';
  execute: string[];
}

/** Off the hot path: names are looked up in pg_catalog alone, temporary objects last. */
export const SAFE_PATH = ['search_path=pg_catalog, pg_temp'];

export function auditFunctions(
  spec: AuditSpec,
  shapes: readonly AuditedShape[],
  options: { guarded: boolean },
): AuditFunction[] {
  return [
    ...shapes.flatMap((shape) =>
      (Object.keys(TRIGGERS) as ChangeOperation[]).map((operation) => ({
        ...plain(recorderName(operation, shape.schema, shape.table), 'trigger'),
        config: [],
        source: recorderBody(spec, shape, operation),
      })),
    ),
    ...suspendFunctions(spec),
    expireFunction(spec),
    maintainFunction(spec),
    ...chainFunctions(spec),
    ...(options.guarded ? [guardFunction(spec)] : []),
  ];
}

/** The common case: the owner's, for nobody else to call. */
export function plain(name: string, returns: string): Omit<AuditFunction, 'source'> {
  return { name, arguments: '', returns, definer: true, config: SAFE_PATH, ownedBy: 'owner', execute: [] };
}

const SHARED = ['mark', 'is_suspended', 'suspend', 'resume', 'expire', 'maintain', 'hash_row', 'seal', 'guard'];

/** Whether a function of the trail's schema is one of these; anything else in there is somebody else's. */
export const isOurs = (name: string): boolean => name.startsWith('record_') || SHARED.includes(name);
