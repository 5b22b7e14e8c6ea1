import { readdirSync, readFileSync } from 'node:fs';

import { codeOf } from '../../system/errors';

/**
 * The plugin processes a killed Pulumi left behind: those of the session it was started as the leader of, by their command
 * lines (a database server started from within has a session of its own). Empty on systems without /proc.
 */
export function leftoversOf(session: number): number[] {
  return processIds().filter((pid) => sessionOf(pid) === session && /pulumi/.test(commandOf(pid)));
}

export function endLeftovers(session: number): void {
  for (const pid of leftoversOf(session)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // Ended by itself meanwhile.
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function sessionOf(pid: number): number | undefined {
  const status = readText(`/proc/${pid}/stat`);
  // After the name in parentheses: state, parent, group, session.
  const session = status.slice(status.lastIndexOf(')') + 2).split(' ')[3];
  return session === undefined ? undefined : Number(session);
}

function commandOf(pid: number): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
