import type { AuditSpec } from '../../spec';
import { CHANGE_OPERATIONS, type ChangeOperation, recorderName } from '../names';
import type { AuditedShape } from '../plan/recording';
import { anyRecorder } from './anyRecorder';
import { boundFunctions } from './bounds';
import { chainFunctions } from './chain';
import { type AuditFunction, plain } from './function';
import { guardFunction } from './guard';
import { expireFunction, maintainFunction } from './maintain';
import { recorderBody } from './recorders';
import { suspendFunctions } from './suspend';

export function auditFunctions(
  spec: AuditSpec,
  shapes: readonly AuditedShape[],
  options: { guarded: boolean },
): AuditFunction[] {
  return [
    ...shapes.flatMap((shape) =>
      CHANGE_OPERATIONS.map((operation) => ({
        ...plain(recorderName(operation, shape.schema, shape.table), 'trigger'),
        config: [],
        execute: executors(spec, shape, operation),
        source: recorderBody(spec, shape, operation),
      })),
    ),
    anyRecorder(spec, [...new Set(shapes.flatMap((shape) => executors(spec, shape, 'INSERT')))]),
    ...boundFunctions(spec),
    ...suspendFunctions(spec),
    expireFunction(spec),
    maintainFunction(spec),
    ...chainFunctions(spec),
    ...(options.guarded ? [guardFunction(spec)] : []),
  ];
}

/** Who makes a partition makes copies of its row triggers, and needs EXECUTE for it; the guard makes the one for TRUNCATE itself. */
function executors(spec: AuditSpec, { partitioner }: AuditedShape, operation: ChangeOperation): string[] {
  return partitioner === null || partitioner === spec.owner || operation === 'TRUNCATE' ? [] : [partitioner];
}

const SHARED = [
  ...['mark', 'is_suspended', 'suspend', 'resume', 'weigh', 'bounded'],
  ...['expire', 'maintain', 'hash_row', 'seal', 'guard'],
];

/** Whether a function of the trail's schema is one of these; anything else in there is somebody else's. */
export const isOurs = (name: string): boolean => name.startsWith('record_') || SHARED.includes(name);
