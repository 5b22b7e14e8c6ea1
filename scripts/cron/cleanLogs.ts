import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { requireNotForeign } from '../../postgres/server/ownership';
import { codeOf, PlatformError, systemReason } from '../../system/errors';
import { type CommandContext, type CommandResult, done, failed } from '../command';
import { storedServer } from '../localServer';
import { openStack } from '../stack';
import { refuseForeign } from '../workspace';
import { logFolderOf } from './run';

/** What the server's log collector and the jobs of the crontab write, a file a day. */
const LOG = /^(postgresql-.*|cron-.*)\.log$/;
const DAY_MS = 86_400_000;

/** Removes log files that nobody has written into for coach:backup.logRetentionDays; never the one the server writes. */
export function cleanLogs(context: CommandContext): CommandResult {
  const stack = openStack(context);
  refuseForeign(stack.workspace);
  const { logRetentionDays } = stack.settings.backup;
  const server = storedServer(stack);
  if (server !== undefined) requireNotForeign(server.owned);
  const current = server?.logFile;
  const folders = new Set([logFolderOf(stack), ...(current === undefined ? [] : [dirname(current)])]);
  const old = [...folders].flatMap((folder) => oldLogs(folder, Date.now() - logRetentionDays * DAY_MS));
  const removed: string[] = [];
  const errors: PlatformError[] = [];
  let freedBytes = 0;
  for (const { path, bytes } of old.filter((file) => file.path !== current)) {
    try {
      rmSync(path);
      removed.push(path);
      freedBytes += bytes;
    } catch (error) {
      errors.push(notRemoved(path, error));
    }
  }
  const fields = { removed, freedBytes, retentionDays: logRetentionDays };
  const text =
    removed.length === 0
      ? `No log file is older than ${logRetentionDays} days.`
      : `Removed ${removed.length} log files older than ${logRetentionDays} days (${(freedBytes / 1e6).toFixed(1)} MB).`;
  return errors.length > 0 ? failed(errors, text, fields) : done(text, fields, removed.length === 0 ? 'ok' : 'changed');
}

function oldLogs(folder: string, before: number): { path: string; bytes: number }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => LOG.test(name))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      return found?.isFile() === true && found.mtimeMs < before ? [{ path, bytes: found.size }] : [];
    });
}

function notRemoved(path: string, error: unknown): PlatformError {
  return new PlatformError(
    'log-not-removed',
    `${path} could not be removed: ${systemReason(error)}.`,
    `Run the command as the account that owns ${dirname(path)}.`,
    { object: path, cause: error },
  );
}
