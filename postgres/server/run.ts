import { spawn } from 'node:child_process';

import type { Account } from './account';

export interface RunResult {
  /** 1 where a signal ended the program. */
  code: number;
  /** What it printed, both streams, the last 20 000 characters. */
  output: string;
}

export interface RunOptions {
  account: Account;
  pathVariable: string;
  /** Given to the program as its standard input. */
  input?: string;
}

/** The environment of everything that is started: messages in English, whatever the caller's language is. */
export function childEnvironment(pathVariable: string): NodeJS.ProcessEnv {
  return { PATH: pathVariable, LC_ALL: 'C', TZ: 'UTC' };
}

/** What makes `spawn` run as the account; nothing where it is the caller's own. */
export function identity(account: Account): { uid?: number; gid?: number } {
  return account.switchUser ? { uid: account.uid, gid: account.gid } : {};
}

/** Runs a program to its end as the server's account, with a minimal environment. Rejects only when it cannot be started. */
export function runAs(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...identity(options.account),
      cwd: '/',
      env: childEnvironment(options.pathVariable),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-20_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    // A program that ends without reading its input says why itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output: output.trim() }));
  });
}
