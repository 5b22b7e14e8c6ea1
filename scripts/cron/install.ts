import { realpathSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

import { accountName } from '../../postgres/server/account';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { ExitCode } from '../exitCodes';
import { openStack, type Stack } from '../stack';
import { refuseForeign } from '../workspace';
import { blockLines, type Owner, withBlock } from './block';
import { readCrontab, writeCrontab } from './crontab';
import { type LeftOut, type ScheduledJob, scheduleOf } from './jobs';
import { crontabLines } from './lines';
import { machineZone, nextRun } from './times';

/** What the settings ask for, as it would stand in this account's crontab. */
export interface Wanted {
  owner: Owner;
  jobs: ScheduledJob[];
  leftOut: LeftOut[];
  /** Of the times. */
  zone: string;
  lines: string[];
}

export function wantedBy(context: CommandContext, stack: Stack): Wanted {
  const owner = { stack: stack.name, root: context.root };
  const { jobs, leftOut } = scheduleOf(stack.settings);
  const machine = {
    zone: machineZone(),
    node: nodeProgram(context.environment),
    passphraseFile: passphraseFileOf(context.environment),
  };
  const zone = stack.settings.backup.schedule.timeZone ?? machine.zone;
  return { owner, jobs, leftOut, zone, lines: crontabLines(jobs, owner, machine, zone) };
}

/** Brings the crontab to the settings; doing it twice changes nothing. */
export async function installSchedule(
  context: CommandContext,
  options: Record<string, unknown>,
): Promise<CommandResult> {
  const stack = openStack(context);
  refuseForeign(stack.workspace);
  requireReadablePassphrase(context.environment);
  const wanted = wantedBy(context, stack);
  const { jobs, leftOut, zone } = wanted;
  const now = new Date();
  const fields = {
    account: ownAccount(),
    timeZone: zone,
    jobs: jobs.map(({ name, time, waitsFor }) => ({
      name,
      time,
      nextRun: nextRun(time, zone, now)?.toISOString() ?? null,
      waitsFor,
    })),
    leftOut,
  };
  const notes = [
    ...leftOut.map(({ name, reason }) => `Left out: ${name} (${reason}).`),
    ...jobs.flatMap(({ name, waitsFor }) => (waitsFor === null ? [] : [`Waits: ${name} (${waitsFor}).`])),
  ];
  const outcome = await changeCrontab(context, options, wanted.owner, wanted.lines);
  return {
    ...outcome,
    fields: { ...fields, ...outcome.fields },
    text: [...(typeof outcome.text === 'string' ? [outcome.text] : []), ...notes].join('\n'),
  };
}

/** Takes the lines of a stack out; those of a folder that was moved or is gone by its name. */
export function removeSchedule(context: CommandContext, options: Record<string, unknown>): Promise<CommandResult> {
  const folder = options['folder'];
  const root = typeof folder === 'string' ? resolve(folder) : context.root;
  return changeCrontab(context, options, { stack: context.stack, root }, []);
}

async function changeCrontab(
  context: CommandContext,
  options: Record<string, unknown>,
  owner: Owner,
  lines: string[],
): Promise<CommandResult> {
  const account = ownAccount();
  const before = readCrontab(context.environment);
  const present = blockLines(before, owner);
  const after = withBlock(before, owner, lines);
  const added = lines.filter((line) => present?.includes(line) !== true);
  const removed = (present ?? []).filter((line) => !lines.includes(line));
  const fields = { account, added, removed };
  if (after === before) return done(`The crontab of ${account} is as it should be; nothing was changed.`, fields);
  const difference = [...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join('\n');
  if (options['dryRun'] === true) {
    const exitCode = options['detailedExitcode'] === true ? ExitCode.differences : ExitCode.done;
    return { ...done(`Of the crontab of ${account}:\n${difference}`, fields), status: 'differs', exitCode };
  }
  if (context.ask !== undefined && !context.yes) context.progress(difference);
  if (!(await confirm(context, `Change the crontab of ${account}?`))) throw declined();
  if (readCrontab(context.environment) !== before) throw changedMeanwhile(account);
  writeCrontab(after, context.environment);
  return done(`Changed the crontab of ${account}:\n${difference}`, fields, 'changed');
}

/** Whose crontab it is. */
export const ownAccount = (): string => accountName(process.getuid?.() ?? 0);

/** This Node.js by the name it is called with: Homebrew's real path has the version in it, and goes with the next one. */
function nodeProgram({ PATH = '' }: NodeJS.ProcessEnv): string {
  const real = realpathSync(process.execPath);
  const names = PATH.split(delimiter).map((folder) => join(folder, 'node'));
  return names.find((name) => name.startsWith('/') && !name.includes('node_modules') && isSame(name, real)) ?? real;
}

function isSame(path: string, real: string): boolean {
  try {
    return realpathSync(path) === real;
  } catch {
    return false;
  }
}

function passphraseFileOf({ PULUMI_CONFIG_PASSPHRASE_FILE: file = '' }: NodeJS.ProcessEnv): string | undefined {
  return file === '' ? undefined : resolve(file);
}

/** What only this shell knows no job of cron will know. */
function requireReadablePassphrase(environment: NodeJS.ProcessEnv): void {
  if ((environment['PULUMI_CONFIG_PASSPHRASE'] ?? '') === '') return;
  throw new PlatformError(
    'cron-passphrase',
    'The passphrase of the state is in PULUMI_CONFIG_PASSPHRASE, which a job of cron does not have.',
    'Put it into a file of mode 0600, set PULUMI_CONFIG_PASSPHRASE_FILE to that file instead, and run `npm run coachdb -- cron install` again.',
    { kind: 'refused' },
  );
}

function changedMeanwhile(account: string): PlatformError {
  return new PlatformError(
    'crontab-changed',
    `The crontab of ${account} was changed by somebody else in the meantime; nothing was written.`,
    'Run the command again.',
    { kind: 'locked' },
  );
}
