import { readFileSync } from 'node:fs';

import { codeOf } from './errors';

/** Linux counts process times in hundredths of a second whatever the kernel's own clock (USER_HZ). */
const TICKS_PER_SECOND = 100;
/** /proc/stat gives the time of the boot in whole seconds. */
const CLOCK_TOLERANCE_MS = 2000;

/**
 * Whether a process runs on this machine. A zombie does not: a killed process stays one where nobody collects it, as in
 * containers without an init. With `since`, a process that started later is another one that got the same number.
 */
export function isRunning(pid: number, since?: Date): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  const details = processDetails(pid);
  if (details === undefined) return true;
  if (details.state === 'Z' || details.state === 'X') return false;
  if (since === undefined || Number.isNaN(since.getTime())) return true;
  return details.startedAtMs <= since.getTime() + CLOCK_TOLERANCE_MS;
}

/** From /proc; undefined on systems without it. */
function processDetails(pid: number): { state: string; startedAtMs: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in parentheses and may hold spaces and parentheses itself.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    const startTicks = Number(fields[19]);
    if (!Number.isFinite(boot) || !Number.isFinite(startTicks)) return undefined;
    return { state: fields[0] ?? '', startedAtMs: (boot + startTicks / TICKS_PER_SECOND) * 1000 };
  } catch {
    return undefined;
  }
}
