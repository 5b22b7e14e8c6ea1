import { qualified, quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual } from '../catalog';
import { cronJobName, guardNames, literal } from '../names';
import { isOurs } from '../sql/functions';
import { planRemovals } from './planTables';
import { step } from './step';

/** What takes a trail out of service: everything that records or guards goes, the trail and its rows stay. */
export function planRemoval(spec: AuditSpec, actual: AuditActual): Step[] {
  const guards = Object.values(guardNames(spec)).filter((name) =>
    actual.eventTriggers.some((found) => found.name === name),
  );
  const own = actual.relations.flatMap(({ name: on, triggers }) =>
    triggers.map(({ name }) => `DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(spec.schema, on)}`),
  );
  const functions = actual.functions
    .filter(({ name }) => isOurs(name))
    .map(({ name, arguments: types }) => `DROP FUNCTION ${qualified(spec.schema, name)}(${types})`);
  const job = actual.cron?.job ?? null;
  return [
    step(
      'remove',
      'event triggers',
      'no longer guarded',
      guards.map((name) => `DROP EVENT TRIGGER ${quoteIdentifier(name)}`),
    ),
    ...planRemovals(spec, actual, []),
    step('remove', 'triggers of the trail', 'unused', own),
    step('remove', 'functions', 'unused', functions),
    step('remove', 'job', 'unscheduled', job === null ? [] : [`SELECT cron.unschedule(${literal(cronJobName(spec))})`]),
  ].filter(({ sql }) => sql.length > 0);
}
