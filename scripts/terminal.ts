import { createInterface } from 'node:readline/promises';
import type { WriteStream } from 'node:tty';

import { forStack } from '../postgres/commands';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import { ExitCode } from './exitCodes';
import type { Display } from './report/display';

/** What the command line has of the world, from its parsed options. */
export function contextOf(
  root: string,
  options: Record<string, unknown>,
  isStackNamed: boolean,
  interrupts: Interrupts,
): CommandContext {
  const stack = String(options['stack']);
  const verbose = options['verbose'] === true;
  const write = (line: string): boolean => process.stderr.write(forStack(line, stack));
  const terminal = process.stdin.isTTY && process.stderr.isTTY;
  const engine = options['engine'];
  return {
    root,
    stack,
    isStackNamed,
    environment: process.env,
    json: options['json'] === true,
    yes: options['yes'] === true,
    verbose,
    engine: engine === 'pulumi' || engine === 'embedded' ? engine : undefined,
    display: displayOf(process.stderr, verbose),
    progress: (line) => write(`${terminal ? CLEAR_LINE : ''}${line}\n`),
    passing: (line, isLogged = false) => {
      if (terminal) write(`${CLEAR_LINE}${line.slice(0, (process.stderr.columns || 80) - 1)}`);
      else if ((verbose || isLogged) && line !== '') write(`${line}\n`);
    },
    signal: interrupts.signal,
    ignoreInterrupts: () => interrupts.ignore(),
    ask: terminal ? (question) => interrupts.whileAsking(question) : undefined,
  };
}

const CLEAR_LINE = '\r\u001b[K';

/** How a stream is read: the width of a terminal, colours where it has them and nobody said no (NO_COLOR). */
export function displayOf(stream: WriteStream, verbose: boolean): Display {
  if (!stream.isTTY) return { columns: undefined, colour: false, verbose };
  return { columns: stream.columns || 80, colour: stream.hasColors(), verbose };
}

/**
 * Ctrl-C and SIGTERM. A command that works in steps finishes the one under way; any other, and a question, ends at once. The second interrupt
 * always ends the process.
 */
export class Interrupts {
  private readonly controller = new AbortController();
  private asking = false;

  constructor(private readonly finishesSteps: boolean) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => this.interrupt());
  }

  /** Its reason is what a command that stops at it throws. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Rejects at the first interrupt. */
  get ending(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.signal.addEventListener('abort', () => reject(interrupted('The command was interrupted.')));
    });
  }

  /** From here on Ctrl-C is for a child that has the terminal. */
  ignore(): void {
    process.removeAllListeners('SIGINT').on('SIGINT', () => undefined);
  }

  /** The answer; none at the end of the input. */
  async whileAsking(question: string): Promise<string> {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    terminal.on('SIGINT', () => this.interrupt());
    const ended = new Promise<undefined>((resolve) => {
      terminal.on('close', () => resolve(undefined));
    });
    this.asking = true;
    try {
      const answer = await Promise.race([terminal.question(question, { signal: this.signal }), ended]);
      // Nobody ended the line.
      if (answer === undefined) process.stderr.write('\n');
      return answer ?? '';
    } catch (error) {
      if (!this.signal.aborted) throw error;
      process.stderr.write('\n');
      throw interrupted('Interrupted at the question; nothing was changed.');
    } finally {
      this.asking = false;
      terminal.close();
    }
  }

  private interrupt(): void {
    if (this.signal.aborted) process.exit(ExitCode.interrupted);
    if (this.finishesSteps && !this.asking)
      process.stderr.write('\nInterrupted: finishing the step under way; again to stop at once.\n');
    this.controller.abort(interrupted('The command was interrupted.'));
  }
}

function interrupted(message: string): PlatformError {
  return new PlatformError('interrupted', message, 'Run it again; it begins anew.', { kind: 'interrupted' });
}
