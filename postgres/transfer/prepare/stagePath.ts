import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where a run of this process writes what it makes, before it takes its place beside it. */
export function stagePath(migrations: string): string {
  return join(dirname(migrations), `.${basename(migrations)}.${process.pid}.new`);
}

/** Those of any process beside a migrations folder, whether or not that exists. */
export function stagePaths(migrations: string): { path: string; pid: number }[] {
  const parent = dirname(migrations);
  if (!existsSync(parent)) return [];
  const start = `.${basename(migrations)}.`;
  return readdirSync(parent).flatMap((name) => {
    const pid = name.startsWith(start) ? /^(\d+)\.new$/.exec(name.slice(start.length))?.[1] : undefined;
    return pid === undefined ? [] : [{ path: join(parent, name), pid: Number(pid) }];
  });
}
