import { execFileSync } from 'node:child_process';

/** What a program of the system prints; undefined where there is none or it fails. */
export function ask(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
