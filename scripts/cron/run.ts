import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { lockStack } from '../../engine/state/lock';
import { codeOf, messageOf, PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { ExitCode } from '../exitCodes';
import { openStack, type Stack } from '../stack';
import { prepareFolders, refuseForeign, stackHome } from '../workspace';
import { JOBS, type ScheduledJob, scheduleOf } from './jobs';
import { isDue, machineZone } from './times';

/** A backup that meets another one waits for it: the weekly one would be lost for a week. */
const LOCKED_ATTEMPTS = 180;
const LOCKED_PAUSE_MS = 60_000;

/** Where a job writes today; a file a day, so that old ones can be removed by their age. */
export function logFileOf(stack: Stack, job: string, now: Date): string {
  return join(logFolderOf(stack), `cron-${job}-${now.toISOString().slice(0, 10)}.log`);
}

export const logFolderOf = (stack: Stack): string => join(stackHome(stack.workspace, stack.name), 'logs');

/**
 * What a line of the crontab starts: one job, at most once at a time, with all it prints in its log. Says nothing where it went well, and what
 * failed on stderr, which cron mails.
 */
export async function runJob(context: CommandContext, name: string, isForced: boolean): Promise<CommandResult> {
  const stack = openStack(context);
  const job = jobNamed(stack, name);
  const now = new Date();
  const { timeZone = machineZone() } = stack.settings.backup.schedule;
  if (job === undefined || job.waitsFor !== null) return notDue(name);
  if (!isForced && timeZone !== machineZone() && !isDue(job.time, timeZone, now)) return notDue(name);

  refuseForeign(stack.workspace);
  prepareFolders(stack.workspace);
  mkdirSync(stackHome(stack.workspace, stack.name), { recursive: true, mode: 0o711 });
  mkdirSync(logFolderOf(stack), { recursive: true, mode: 0o750 });
  const logFile = logFileOf(stack, name, now);
  const log = openLog(logFile);
  const say = (text: string): void => void writeSync(log, `${new Date().toISOString()} ${name}: ${text}\n`);
  try {
    const lock = await lockJob(stack, name);
    try {
      say(`begins as process ${process.pid}`);
      const exitCode = await untilNotLocked(job, context.signal, say, () => execute(context, stack, job, log));
      say(`exit code ${exitCode} after ${((Date.now() - now.getTime()) / 1000).toFixed(1)} s`);
      return ended(stack, name, exitCode, logFile);
    } finally {
      lock.release();
    }
  } catch (error) {
    say(toProblem(error).message);
    throw error;
  } finally {
    closeSync(log);
  }
}

/** Undefined: the settings do not ask for it any more, and the crontab was not written since. */
function jobNamed(stack: Stack, name: string): ScheduledJob | undefined {
  if (JOBS.some((job) => job.name === name)) return scheduleOf(stack.settings).jobs.find((job) => job.name === name);
  throw new PlatformError(
    'cron-job-unknown',
    `There is no job ${name}. Jobs: ${JOBS.map((job) => job.name).join(', ')}.`,
    'Name one of them, or run `npm run coachdb -- cron install` again: the lines may be of another version.',
    { kind: 'usage', object: name },
  );
}

const notDue = (job: string): CommandResult => done('', { job, due: false, exitCode: null, logFile: null });

/** Never through a link: the folder belongs to the server's account where root runs this. */
function openLog(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw new PlatformError(
      'cron-log',
      `${path} could not be opened to write into: ${messageOf(error)}.`,
      'See to the folder (rights, free space) and to what stands in the place of the file.',
      { object: path, cause: error },
    );
  }
}

async function lockJob(stack: Stack, name: string): Promise<{ release: () => void }> {
  try {
    return await lockStack(join(stackHome(stack.workspace, stack.name), 'cron', name));
  } catch (error) {
    if (codeOf(error) !== 'stack-locked') throw error;
    const since = /process \d+, since \S+?Z/.exec(messageOf(error))?.[0] ?? 'another process';
    throw new PlatformError(
      'cron-job-running',
      `Job ${name} of stack ${stack.name} is still running (${since}), so it was not started again.`,
      'Where this comes up often, give it more time between two runs in coach:backup.schedule.',
      { kind: 'locked', object: name, cause: error },
    );
  }
}

/** Tries again while a backup finds another run at work. */
export async function untilNotLocked(
  { isBackup }: Pick<ScheduledJob, 'isBackup'>,
  signal: AbortSignal,
  say: (text: string) => void,
  attempt: () => Promise<number>,
  pauseMs = LOCKED_PAUSE_MS,
): Promise<number> {
  for (let left = isBackup ? LOCKED_ATTEMPTS : 0; ; left -= 1) {
    const exitCode = await attempt();
    if (exitCode !== ExitCode.locked || left === 0 || signal.aborted) return exitCode;
    say('another run is at work; trying again');
    await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function execute(context: CommandContext, stack: Stack, job: ScheduledJob, log: number): Promise<number> {
  const words = [join(context.root, 'scripts', 'coachdb.cjs'), ...job.command, '--stack', stack.name];
  const child = spawn(process.execPath, words, {
    cwd: context.root,
    env: { ...context.environment, PATH: pathOf(context.environment) },
    stdio: ['ignore', log, log],
  });
  const stop = (): void => void child.kill('SIGTERM');
  context.signal.addEventListener('abort', stop);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      context.signal.removeEventListener('abort', stop);
      resolve(code ?? ExitCode.failed);
    });
  });
}

/** cron's is /usr/bin:/bin; pg_dump and Pulumi may lie where an administrator or Homebrew puts programs. */
function pathOf({ PATH = '' }: NodeJS.ProcessEnv): string {
  const usual = [dirname(process.execPath), '/usr/local/bin', '/opt/homebrew/bin', '/usr/bin', '/bin'];
  return [...new Set([...PATH.split(delimiter), ...usual])]
    .filter((folder) => folder !== '' && existsSync(folder))
    .join(delimiter);
}

function ended(stack: Stack, job: string, exitCode: number, logFile: string): CommandResult {
  const result = done('', { job, due: true, exitCode, logFile });
  if (exitCode === ExitCode.done) return result;
  const known = Object.values(ExitCode).find((code) => code === exitCode) ?? ExitCode.failed;
  const error = new PlatformError(
    'cron-job-failed',
    `Job ${job} of stack ${stack.name} ended with exit code ${exitCode}.`,
    `What it said stands at the end of ${logFile}.`,
    { object: job },
  );
  const status = known === ExitCode.refused ? 'refused' : known === ExitCode.differences ? 'differs' : 'failed';
  return { ...result, status, exitCode: known, problems: [toProblem(error)] };
}
