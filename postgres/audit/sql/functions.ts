import { grantee } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import {
  APPLYING_SETTING,
  CHANGE_OPERATIONS,
  CHANGED_MASK,
  type ChangeOperation,
  defaultPartitionName,
  DUMP_POLICY,
  json,
  literal,
  MASK,
  recorderName,
  SUSPENDED_SETTING,
  tableHash,
  trailNames,
  TRIGGERS,
} from '../names';
import type { Recording } from '../recording';
import { largeText, UNCHECKED, userSql } from './bounds';
import { GENESIS, linkHash, rowDigest } from './chain';
import { FOREIGN_CASTS, MADE_OF } from './conversions';
import { filledIn } from './file';
import { type AuditFunction, functionOf } from './function';
import { keyColumns } from './key';
import { firesFirst, generatedFrom, needsSql, RECORDED_UNDER } from './needs';
import { recorderBody } from './recorders';
import { recorders } from './recorderTriggers';

/** Those that are the same for every table, each in a file of its name. */
const SHARED = [
  ...['record_change', 'weigh', 'bounded', 'mark', 'is_suspended', 'suspend', 'resume', 'expire', 'maintain'],
  ...['hash_row', 'seal', 'guard'],
] as const;

/** Whether a function of the trail's schema is one of these; anything else in there is somebody else's. */
export const isOurs = (name: string): boolean =>
  name.startsWith('record_') || (SHARED as readonly string[]).includes(name);

export function auditFunctions(
  spec: AuditSpec,
  recordings: readonly Recording[],
  options: { guarded: boolean },
): AuditFunction[] {
  const names = trailNames(spec);
  const values = valuesOf(spec);
  const left = [...(spec.hashChain ? [] : ['hash_row', 'seal']), ...(options.guarded ? [] : ['guard'])];
  const partitioners = [...new Set(recordings.flatMap((recording) => executors(spec, recording, 'INSERT')))];
  const settings = RECORDED_UNDER.filter(({ setting }) => setting !== 'search_path');
  const own: Partial<Record<(typeof SHARED)[number], (found: AuditFunction) => Partial<AuditFunction>>> = {
    record_change: ({ config }) => ({
      config: [...config, ...settings.map(({ setting, value }) => `${setting}=${value}`)],
      execute: partitioners,
    }),
    bounded: () => ({ execute: spec.readers }),
    suspend: () => ({ execute: spec.loaders ?? [] }),
    guard: () => ({ ownedBy: 'admin' }),
  };
  return [
    ...recordings.flatMap((recording) => CHANGE_OPERATIONS.map((operation) => recorder(spec, recording, operation))),
    ...SHARED.filter((name) => !left.includes(name)).map((name) => {
      const found = functionOf(name);
      return { ...found, source: filledIn(found.source, names, values), ...own[name]?.(found) };
    }),
  ];
}

/** What of the files differs from trail to trail, or is written elsewhere too. */
function valuesOf(spec: AuditSpec): Record<string, string> {
  return {
    schema: literal(spec.schema),
    table: literal(spec.table),
    defaultPartition: literal(defaultPartitionName(spec)),
    owner: literal(spec.owner),
    dumpers: literal((spec.dumpers ?? []).map(grantee).join(', ')),
    dumpPolicy: literal(DUMP_POLICY),
    monthsAhead: String(spec.monthsAhead),
    retentionMonths: String(spec.retentionMonths),
    hashChain: String(spec.hashChain),
    applying: literal(APPLYING_SETTING),
    suspended: literal(SUSPENDED_SETTING),
    unchecked: String(UNCHECKED),
    mask: json(MASK),
    changedMask: json(CHANGED_MASK),
    user: userSql(),
    largeValue: largeText("(v.value #>> '{}')"),
    hashOfMarkedTable: tableHash('mark.table_schema', 'mark.table_name'),
    digestOfNew: rowDigest('NEW'),
    digestOfRow: rowDigest('t'),
    linkHash: linkHash('l'),
    genesis: GENESIS,
    triggers: `(${Object.values(TRIGGERS).map(literal).join(', ')})`,
    insertTrigger: literal(TRIGGERS.INSERT),
    updateTrigger: literal(TRIGGERS.UPDATE),
    deleteTrigger: literal(TRIGGERS.DELETE),
    truncateTrigger: literal(TRIGGERS.TRUNCATE),
    recorders: recorders(spec),
    keyOfOwn: keyColumns('own.relation'),
    needsOfOwn: needsSql('own.relation'),
    firesFirstOnOwn: `(${firesFirst('own.relation')})`,
    generatedFromOwn: `(${generatedFrom('own.relation')})`,
    foreignCasts: `(${FOREIGN_CASTS})`,
    madeOf: `(${MADE_OF})`,
  };
}

/** Without settings of its own, which would cost every change. */
function recorder(spec: AuditSpec, recording: Recording, operation: ChangeOperation): AuditFunction {
  return {
    name: recorderName(operation, recording.schema, recording.table),
    arguments: '',
    declared: '',
    returns: 'trigger',
    config: [],
    source: recorderBody(spec, recording, operation),
    ownedBy: 'owner',
    execute: executors(spec, recording, operation),
  };
}

/** Who makes a partition makes copies of its row triggers, and needs EXECUTE for it; the guard makes the one for TRUNCATE itself. */
function executors(spec: AuditSpec, { partitioner }: Recording, operation: ChangeOperation): string[] {
  return partitioner === null || partitioner === spec.owner || operation === 'TRUNCATE' ? [] : [partitioner];
}
