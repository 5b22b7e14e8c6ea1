import { PlatformError, type Problem } from '../../../system/errors';
import { qualified } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual } from '../catalog';
import { type Recording, recordingOf } from '../recording';
import type { AuditFunction } from '../sql/function';
import { auditFunctions } from '../sql/functions';
import { planFunctions, planOwnTriggers, planPolicies } from './planFunctions';
import { planCron, planGuard, planPartitions } from './planMaintenance';
import { planStorage } from './planStorage';
import { planRemovals, planTable } from './planTables';
import { auditProblems } from './problems';
import { step } from './step';

export interface AuditPlan {
  /** In the order they are to run; empty: everything is as declared. */
  steps: Step[];
  /** With any of these nothing is applied. */
  problems: Problem[];
  /** What cannot be had here, or should be looked at. */
  warnings: Problem[];
}

/** What brings the trail from how it is to how it is declared. Pure; `moment` decides which months are due. */
export function planAudit(spec: AuditSpec, actual: AuditActual, moment: Date): AuditPlan {
  const problems = auditProblems(spec, actual);
  const recordings = recordingsOf(spec, actual);
  const functions = auditFunctions(spec, recordings, { guarded: actual.mayGuard });
  const steps = [
    ...planStorage(spec, actual),
    ...planFunctions(spec, actual, functions),
    ...planPolicies(spec, actual),
    ...planOwnTriggers(spec, actual),
    ...planRemovals(spec, actual, recordings),
    ...recordings.flatMap((recording) => planTable(spec, actual, recording, functions)),
    ...planLeftovers(spec, actual, functions),
    ...planGuard(spec, actual),
    ...planPartitions(spec, actual, moment),
    ...planCron(spec, actual),
  ];
  return { steps, problems, warnings: warningsOf(spec, actual) };
}

/** A plan as lines, for previews and drift: what stands in the way first, then each step. */
export const planLines = ({ steps, problems, warnings }: AuditPlan): string[] => [
  ...problems.map(({ message, remedy }) => `! ${message} ${remedy}`),
  ...warnings.map(({ message, remedy }) => `? ${message} ${remedy}`),
  ...steps.map(({ action }) => action),
];

/** Refuses a plan with problems, naming all of them. */
export function requireApplicable({ problems }: AuditPlan): void {
  const [first] = problems;
  if (first === undefined) return;
  throw new PlatformError(
    first.code,
    problems.map(({ message }) => message).join('\n'),
    [...new Set(problems.map(({ remedy }) => remedy))].join(' '),
    { kind: 'refused', ...(first.object === undefined ? {} : { object: first.object }) },
  );
}

/** The declared tables that exist and can be audited. A child table that is declared itself is not recorded as its parent's. */
export function recordingsOf(spec: AuditSpec, actual: AuditActual): Recording[] {
  const found = spec.tables.flatMap((declared) => {
    const facts = actual.tables.find(({ schema, table }) => schema === declared.schema && table === declared.table);
    return facts === undefined || facts.primaryKey.length === 0 ? [] : [{ declared, facts }];
  });
  const declared = new Set(found.map(({ facts }) => facts.oid));
  return found.map((one) => {
    const recording = recordingOf(one.declared, one.facts);
    return { ...recording, descendants: recording.descendants.filter(({ oid }) => !declared.has(oid)) };
  });
}

/** Recorders that no trigger uses any more. */
function planLeftovers(spec: AuditSpec, actual: AuditActual, functions: readonly AuditFunction[]): Step[] {
  const optional = ['hash_row', 'seal', 'guard'];
  const left = actual.functions.filter(
    (found) =>
      (found.name.startsWith('record_') || optional.includes(found.name)) &&
      !functions.some(({ name, arguments: types }) => name === found.name && types === found.arguments) &&
      !(found.name === 'guard' && !actual.mayGuard),
  );
  return left.map((found) =>
    step('remove', `function ${found.name}`, 'unused', [
      `DROP FUNCTION ${qualified(spec.schema, found.name)}(${found.arguments})`,
    ]),
  );
}

function warningsOf(spec: AuditSpec, actual: AuditActual): Problem[] {
  const warnings: Problem[] = [];
  if (!actual.mayGuard) {
    warnings.push({
      code: 'audit-unguarded',
      message: `${actual.admin} may not create event triggers, so owners of audited tables can disable their triggers until the next drift check.`,
      remedy: 'Connect as a superuser (on RDS: a member of rds_superuser).',
      object: spec.schema,
    });
  }
  for (const member of actual.ownersMembers.filter((name) => name !== actual.admin)) {
    warnings.push({
      code: 'audit-owner-member',
      message: `Role ${member} may act as ${spec.owner} and so change the trail.`,
      remedy: `REVOKE ${spec.owner} FROM ${member};`,
      object: member,
    });
  }
  for (const declared of spec.tables) {
    const facts = actual.tables.find(({ schema, table }) => schema === declared.schema && table === declared.table);
    if (facts === undefined) continue;
    const absent = [...(declared.exclude ?? []), ...(declared.redact ?? [])].filter(
      (column) => !facts.columns.some(({ name }) => name === column),
    );
    for (const column of absent) {
      warnings.push({
        code: 'audit-column-missing',
        message: `Audit of ${declared.schema}.${declared.table}: it has no column ${column} to hide.`,
        remedy: `Correct its name in coach:audit.tables, or leave it there until the migration that brings it.`,
        object: column,
      });
    }
  }
  return warnings;
}
