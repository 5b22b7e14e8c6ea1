import { InvalidArgumentError, Option } from 'commander';

import { databaseSpec } from '../../infra/config/databaseSpec';
import { type Operation, OPERATIONS } from '../../postgres/audit/names';
import { type HistoryQuery, readHistory } from '../../postgres/audit/reading/history';
import { withClient } from '../../postgres/connection/client';
import type { AuditSpec, ConnectionTarget } from '../../postgres/spec';
import { type CommandContext, done } from '../command';
import { databaseAccess } from '../databaseAccess';
import { renderHistory } from '../report/history';
import { openStack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';

const HELP = `A time is a date (2026-11-01), a date and time (2026-11-01T12:00:00Z; UTC where
it names no zone), or how long ago: 30m, 24h, 7d.

A key of several columns: --key studentId=a1,lessonId=7. A row is followed back
over changes of its key.

  coachdb audit --table Student --key ckx1            one row's history
  coachdb audit --user u42 --since 24h --json         what one user did`;

/** Reads the trail as the auditor. */
export const audit: CommandDefinition = {
  name: 'audit',
  printsData: true,
  description: 'the audit trail: who changed which row when',
  help: HELP,
  options: [
    new Option('--table <table>', 'of this table: Student or public.Student'),
    new Option('--key <key>', 'of the row with this primary key'),
    new Option('--since <time>', 'from this time on').argParser(time),
    new Option('--until <time>', 'before this time').argParser(time),
    new Option('--user <id>', 'by this user of the application'),
    new Option('--operation <operation>', 'of this kind only').choices(OPERATIONS),
    new Option('--limit <n>', 'the newest so many').argParser(count).default(100),
  ],
  run: async (context, options) => {
    const { spec, target } = await trailAccess(context, 'auditor');
    const query = queryOf(options);
    const { entries, complete } = await withClient(target, (client) => readHistory(client, spec, query));
    const text = entries.length === 0 ? 'The trail has nothing of that.' : renderHistory(entries);
    const more = complete ? '' : `\n\nThe newest ${entries.length}; there may be more: --limit, --since, --until.`;
    return done(`${text}${more}`, { entries, complete });
  },
};

/** `auditor` may read; `administrator` may maintain. */
export async function trailAccess(
  context: CommandContext,
  as: 'auditor' | 'administrator',
): Promise<{ spec: AuditSpec; target: ConnectionTarget }> {
  const stack = openStack(context);
  const access = databaseAccess(stack, await readState(context, stack), 'connect');
  const { audit: spec } = databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });
  const role = as === 'auditor' ? stack.settings.roles.auditor.name : access.adminUser;
  return { spec, target: access.as(role) };
}

function queryOf(options: Record<string, unknown>): HistoryQuery & { limit: number } {
  const text = (name: string): Record<string, string> => {
    const value = options[name];
    return typeof value === 'string' ? { [name]: value } : {};
  };
  const moment = (name: string): Record<string, Date> => {
    const value = options[name];
    return value instanceof Date ? { [name]: value } : {};
  };
  const operation = options['operation'];
  return {
    ...text('table'),
    ...text('key'),
    ...text('user'),
    ...moment('since'),
    ...moment('until'),
    ...(typeof operation === 'string' ? { operation: operation as Operation } : {}),
    limit: Number(options['limit']),
  };
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function time(value: string): Date {
  const ago = /^(\d{1,6})([smhd])$/.exec(value);
  if (ago !== null) return new Date(Date.now() - Number(ago[1]) * (UNITS[ago[2] ?? 's'] ?? 1000));
  const zoned = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:?\d{2})$/.test(value);
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(value) || zoned ? new Date(value) : new Date(`${value}Z`);
  if (!/^\d{4}-/.test(value) || Number.isNaN(moment.getTime()))
    throw new InvalidArgumentError('Expected 2026-11-01, 2026-11-01T12:00:00Z, or how long ago: 30m, 24h, 7d.');
  return moment;
}

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 100_000)
    throw new InvalidArgumentError('Expected a whole number from 1 to 100000.');
  return number;
}
