import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type CommandContext, type CommandResult, done } from '../command';
import { printable } from '../report/print';
import { openStack } from '../stack';
import { refuseForeign } from '../workspace';
import { blockLines, type Owner, ownersIn } from './block';
import { readCrontab } from './crontab';
import { ownAccount, wantedBy } from './install';
import { logFolderOf } from './run';
import { nextRun } from './times';

interface LastRun {
  at: string;
  exitCode: number;
  logFile: string;
}

/** What stands in the crontab, what the settings ask for, when each job runs next and how it ended the last time. */
export function listSchedule(context: CommandContext): CommandResult {
  const stack = openStack(context);
  refuseForeign(stack.workspace);
  const { owner, jobs, leftOut, zone, lines } = wantedBy(context, stack);
  const crontab = readCrontab(context.environment);
  const present = blockLines(crontab, owner);
  const now = new Date();
  const fields = {
    account: ownAccount(),
    installed: present !== undefined,
    asDeclared: (present ?? []).join('\n') === lines.join('\n'),
    timeZone: zone,
    jobs: jobs.map(({ name, time, command, waitsFor }) => ({
      name,
      time,
      command: command.join(' '),
      nextRun: nextRun(time, zone, now)?.toISOString() ?? null,
      waitsFor,
      last: lastRun(logFolderOf(stack), name),
    })),
    leftOut,
    others: ownersIn(crontab)
      .filter((other) => other.stack !== owner.stack || other.root !== owner.root)
      .map((other) => ({ ...other, missing: !existsSync(join(other.root, 'scripts', 'coachdb.cjs')) })),
  };
  const result = done(render(fields), fields);
  return fields.installed && !fields.asDeclared ? { ...result, status: 'differs' } : result;
}

interface Fields {
  account: string;
  installed: boolean;
  asDeclared: boolean;
  timeZone: string;
  jobs: { name: string; time: string; nextRun: string | null; waitsFor: string | null; last: LastRun | null }[];
  leftOut: { name: string; reason: string }[];
  others: (Owner & { missing: boolean })[];
}

function render({ account, installed, asDeclared, timeZone, jobs, leftOut, others }: Fields): string {
  const state = !installed
    ? `Nothing of this stack is in the crontab of ${account}: \`npm run coachdb -- cron install\` writes it.`
    : asDeclared
      ? `The crontab of ${account} is as the settings say.`
      : `The crontab of ${account} is not as the settings say: \`npm run coachdb -- cron install\` brings it there.`;
  const width = Math.max(...jobs.map(({ time }) => time.length), 0);
  const rows = jobs.map(({ name, time, nextRun, waitsFor, last }) => {
    const whenever = nextRun === null ? 'never runs' : `next ${inZone(new Date(nextRun), timeZone)}`;
    const next = !installed ? '' : waitsFor === null ? whenever : `does nothing: ${waitsFor}`;
    const before = last === null ? '' : `  last ${inZone(new Date(last.at), timeZone)}, exit code ${last.exitCode}`;
    return `${name.padEnd(11)} ${time.padEnd(width)}  ${next}${before}`.trimEnd();
  });
  return [
    state,
    `Times of ${timeZone}:`,
    ...rows,
    ...leftOut.map(({ name, reason }) => `${name.padEnd(11)} left out: ${reason}`),
    ...others.map(({ stack, root, missing }) => {
      const gone = missing
        ? `, which is gone; \`cron remove --stack ${stack} --folder\` with it takes its lines out`
        : '';
      return `There are lines of stack ${stack} of ${printable(root)} as well${gone}.`;
    }),
  ].join('\n');
}

/** `2026-11-27 02:00`, as a clock there shows it. */
function inZone(date: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return format.format(date);
}

/** From the newest log of the job that tells of an end. */
function lastRun(folder: string, job: string): LastRun | null {
  if (!existsSync(folder)) return null;
  const pattern = new RegExp(`^cron-${job}-\\d{4}-\\d\\d-\\d\\d\\.log$`);
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  for (const name of names.sort().reverse()) {
    const logFile = join(folder, name);
    const ends = [...readFileSync(logFile, 'utf8').matchAll(new RegExp(`^(\\S+Z) ${job}: exit code (\\d+) `, 'gm'))];
    const [, at, exitCode] = ends.at(-1) ?? [];
    if (at !== undefined) return { at, exitCode: Number(exitCode), logFile };
  }
  return null;
}
