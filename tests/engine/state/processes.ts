import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export interface Child {
  process: ChildProcessWithoutNullStreams;
  /** Resolves at the first line of output that starts so; rejects when the process ends before. */
  said: (start: string) => Promise<string>;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | NodeJS.Signals>;
}

/** A Node process that runs `script`, with `args` as its arguments. */
export function startNode(script: string, args: string[]): Child {
  const child = spawn(process.execPath, ['-e', script, '--', ...args]);
  let output = '';
  let errors = '';
  const waiting: (() => void)[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const check of waiting) check();
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0)),
  );
  const said = (start: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const line = output.split('\n').find((text) => text.startsWith(start));
        if (line !== undefined) resolve(line);
      };
      waiting.push(check);
      check();
      void ended.then((how) => reject(new Error(`It ended (${how}) without saying ${start}: ${output}${errors}`)));
    });
  return { process: child, said, ended };
}
