import { quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual } from '../catalog';
import { maintainSql } from '../maintain';
import { cronJobName, guardNames, literal, trailNames } from '../names';
import { step } from './step';

/** What each event trigger of the guard listens to. */
const GUARD_EVENTS = { ddl: 'ddl_command_end', drop: 'sql_drop', rewrite: 'table_rewrite' } as const;

export function planGuard(spec: AuditSpec, actual: AuditActual): Step[] {
  if (!actual.mayGuard) return [];
  const names = guardNames(spec);
  return (['ddl', 'drop', 'rewrite'] as const).flatMap((which) => {
    const name = quoteIdentifier(names[which]);
    const event = GUARD_EVENTS[which];
    const found = actual.eventTriggers.find((trigger) => trigger.name === names[which]);
    const same = found?.event === event && found.function === `${spec.schema}.guard` && found.tags.length === 0;
    if (same && found.enabled === 'A') return [];
    const sql = [
      ...(found === undefined || same ? [] : [`DROP EVENT TRIGGER ${name}`]),
      ...(same ? [] : [`CREATE EVENT TRIGGER ${name} ON ${event} EXECUTE FUNCTION ${trailNames(spec).fn('guard')}()`]),
      `ALTER EVENT TRIGGER ${name} ENABLE ALWAYS`,
    ];
    return [
      step(
        found === undefined ? 'create' : 'change',
        `event trigger ${names[which]}`,
        'refuses DDL that would end the recording',
        sql,
      ),
    ];
  });
}

/** `2026_08` of the month `ahead` of the moment's, in UTC. */
function month(moment: Date, ahead: number): string {
  const first = new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + ahead, 1));
  return `${first.getUTCFullYear()}_${String(first.getUTCMonth() + 1).padStart(2, '0')}`;
}

export interface Partitions {
  /** Months without a partition, from this one on. */
  missing: string[];
  /** Partitions past retention. */
  expired: string[];
  /** Closed months without their index. */
  unindexed: string[];
}

/** What `maintain` would find to do at that moment; the same rules as its own. */
export function partitionsDue(spec: AuditSpec, actual: AuditActual, moment: Date): Partitions {
  const partitions = actual.relations.filter(({ name, parent }) => parent === spec.table && /_\d{4}_\d{2}$/.test(name));
  const named = (ahead: number): string => `${spec.table}_${month(moment, ahead)}`;
  const names = new Set(partitions.map(({ name }) => name));
  const wanted = Array.from({ length: spec.monthsAhead + 1 }, (_, ahead) => named(ahead));
  const oldest = spec.retentionMonths > 0 ? named(-spec.retentionMonths) : undefined;
  const expired = oldest === undefined ? [] : [...names].filter((name) => name < oldest);
  const unindexed = partitions.filter(
    ({ name, indexes }) =>
      name < named(0) && !expired.includes(name) && !indexes.some((index) => index.name === `${name}_key`),
  );
  return { missing: wanted.filter((name) => !names.has(name)), expired, unindexed: unindexed.map(({ name }) => name) };
}

export function planPartitions(spec: AuditSpec, actual: AuditActual, moment: Date): Step[] {
  const { missing, expired, unindexed } = partitionsDue(spec, actual, moment);
  const parts = [
    ...(missing.length === 0 ? [] : [`create ${missing.join(', ')}`]),
    ...(expired.length === 0 ? [] : [`drop ${expired.join(', ')} (older than ${spec.retentionMonths} months)`]),
    ...(unindexed.length === 0 ? [] : [`index ${unindexed.join(', ')}`]),
  ];
  if (parts.length === 0) return [];
  return [step('change', 'partitions', parts.join('; '), [maintainSql(spec)], 'alone')];
}

/** pg_cron, where it is installed in this database, keeps the partitions without anybody running `up`. */
export function planCron(spec: AuditSpec, actual: AuditActual): Step[] {
  if (actual.cron === null) return [];
  const schedule = spec.hashChain ? '*/5 * * * *' : '17 * * * *';
  const command = maintainSql(spec);
  const { job } = actual.cron;
  if (job !== null && job.schedule === schedule && job.command === command && job.active) return [];
  const sql = [`SELECT cron.schedule(${literal(cronJobName(spec))}, ${literal(schedule)}, ${literal(command)})`];
  return [step(job === null ? 'create' : 'change', `job ${cronJobName(spec)}`, `pg_cron, ${schedule}`, sql, 'alone')];
}
