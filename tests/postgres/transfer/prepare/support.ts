import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An application as Prisma and a person left it on SQLite: redefined tables, SQL by hand, every type of SQLite's, names with spaces. */
export const SCHOOL = join(__dirname, '../../../fixtures/sqlite/school');

const folders: string[] = [];

/** A copy of it, with other files where `files` has some (null: none), removed by `removeApplications`. */
export function school(files: Record<string, string | null> = {}): string {
  const directory = application({});
  cpSync(SCHOOL, directory, { recursive: true });
  return withFiles(directory, files);
}

/** An application of these files alone. */
export function application(files: Record<string, string | null>): string {
  const directory = mkdtempSync(join(tmpdir(), 'coach-application-'));
  folders.push(directory);
  return withFiles(directory, files);
}

export function removeApplications(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function withFiles(directory: string, files: Record<string, string | null>): string {
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (text === null) rmSync(path, { recursive: true });
    else writeFileSync(path, text);
  }
  return directory;
}

/** Every file below a folder with its text, by path. */
export function filesOf(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }): [string, string] => [
        join(parentPath, name).slice(directory.length + 1),
        readFileSync(join(parentPath, name), 'utf8'),
      ])
      .filter(([name]) => !name.startsWith('.git/'))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** A repository with everything committed. */
export function commitAll(directory: string): string {
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@localhost', ...args], {
      cwd: directory,
      stdio: 'pipe',
    });
  };
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'x');
  return directory;
}

/** A schema with one model, and what else is given. */
export function schema(provider: string, more = ''): string {
  return `datasource db {\n  provider = "${provider}"\n}\n\nmodel Pupil {\n  id   Int @id\n  name String\n}\n${more}`;
}

export const NOW = new Date('2025-06-01T10:20:30.456Z');
