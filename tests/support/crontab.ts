import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program `crontab` that keeps its text in a file of the test's. Takes no text without a last line's end, as the real one. */
const PROGRAM = `#!/bin/sh
file="\${FAKE_CRONTAB:?}"
if [ -f "$file.denied" ]; then
  echo 'You (tester) are not allowed to use this program (crontab)' >&2
  exit 1
fi
case "$1" in
  -l) [ -f "$file" ] || { echo 'no crontab for tester' >&2; exit 1; }
      cat "$file" ;;
  -) cat >"$file.new"
     if [ -f "$file.bad" ] || { [ -s "$file.new" ] && [ "$(tail -c 1 "$file.new" | wc -l)" -eq 0 ]; }; then
       echo "errors in crontab file, can't install." >&2
       exit 1
     fi
     echo x >>"$file.writes"
     [ -f "$file.ignored" ] || mv "$file.new" "$file" ;;
  *) exit 64 ;;
esac
`;

export class FakeCrontab {
  readonly file: string;
  private readonly programs: string;

  constructor(folder: string) {
    this.programs = join(folder, 'programs');
    this.file = join(folder, 'crontab.txt');
    mkdirSync(this.programs, { recursive: true });
    writeFileSync(join(this.programs, 'crontab'), PROGRAM);
    chmodSync(join(this.programs, 'crontab'), 0o755);
  }

  get environment(): NodeJS.ProcessEnv {
    return { PATH: `${this.programs}${delimiter}${process.env['PATH'] ?? ''}`, FAKE_CRONTAB: this.file };
  }

  /** latin1, so that every byte counts; undefined: there is none. */
  get text(): string | undefined {
    return existsSync(this.file) ? readFileSync(this.file, 'latin1') : undefined;
  }

  set text(text: string | undefined) {
    if (text === undefined) rmSync(this.file, { force: true });
    else writeFileSync(this.file, text, 'latin1');
  }

  get writes(): number {
    return existsSync(`${this.file}.writes`) ? readFileSync(`${this.file}.writes`, 'utf8').length / 2 : 0;
  }

  /** `denied`: refuses everybody; `bad`: finds an error in what it is given; `ignored`: says that it took it, and did not. */
  while<T>(how: 'denied' | 'bad' | 'ignored', work: () => T): T {
    writeFileSync(`${this.file}.${how}`, '');
    const restore = (): void => rmSync(`${this.file}.${how}`);
    const result = work();
    if (result instanceof Promise) return result.finally(restore) as T;
    restore();
    return result;
  }
}

/** The commands of the lines as cron hands them to the shell: an escaped % is one, an open one ends it. */
export function commandsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const command = /^(?:\S+ ){5}(.*)$/.exec(line)?.[1];
    if (command === undefined || line.startsWith('#')) return [];
    const end = /(?<!\\)%/.exec(command)?.index ?? command.length;
    return [command.slice(0, end).replaceAll(String.raw`\%`, '%')];
  });
}
