import { isPlainObject } from '../../postgres/spec/schema';
import { showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';
import { setSecret } from './access';

/** The path of a key: `server.port`, `indexes[0]`, or `parameters["odd key"]`, which may be anything. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(key) && !/^[a-z_]{1,40}\.[a-z_]{1,40}$/.test(key))
    return `${path}[${showValue(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** What is wrong with the settings, gathered while reading. */
export class Report {
  readonly problems: Problem[] = [];

  constructor(
    /** The file that remedies name: `Pulumi.local.yaml`. */
    readonly file: string,
  ) {}

  add(code: string, path: string, message: string, remedy: string): void {
    this.problems.push({ code, message, remedy, object: `coach:${path}` });
  }

  /** A value of the wrong kind or outside its range. */
  refuse(path: string, value: unknown, expected: string): void {
    if (path === SECRET) return this.refusePassword(value);
    if (isPlainObject(value) && Object.hasOwn(value, 'secure')) {
      const message = `coach:${path} is an encrypted value; coach:${SECRET} alone is a secret.`;
      return this.add('setting-secret', path, message, `Write it in plain text into ${this.file}, or remove it.`);
    }
    // Nothing repeats what may hold the one setting that is a secret.
    const isConfidential = JSON.stringify(value).includes('adminPassword');
    const shown = isConfidential ? 'a value that holds a password' : showValue(value);
    const remedy = `Set coach:${path} in ${this.file} to ${expected}. docs/settings.md explains it.`;
    this.add('setting-invalid', path, `coach:${path} is ${shown}; expected ${expected}.`, remedy);
  }

  private refusePassword(value: unknown): void {
    if (isPlainObject(value) && value['secure'] === '' && Object.keys(value).length === 1)
      return this.add('setting-invalid', SECRET, `coach:${SECRET} is an empty secret.`, `Set it with ${setSecret}.`);
    const message = `coach:${SECRET} stands in plain text in ${this.file}; expected an encrypted value.`;
    const remedy = `Take it out of the file, then set it with ${setSecret}, which asks for it. What was committed or shared is to be changed on the server too.`;
    this.add('setting-plain', SECRET, message, remedy);
  }

  /** Whether something below one of these paths was refused: what depends on it is not judged any more. */
  concerns(paths: readonly string[]): boolean {
    const isAt = (object: string, path: string): boolean =>
      object === path ||
      object.startsWith(`${path}.`) ||
      object.startsWith(`${path}[`) ||
      path.startsWith(`${object}.`);
    return this.problems.some(({ object }) => paths.some((path) => isAt(object ?? '', `coach:${path}`)));
  }
}

const SECRET = 'database.adminPassword';
