import { showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';
import { isPlainObject, type Plain } from './plain';

/** Nothing repeats what may hold the one setting that is a secret. */
function isConfidential(value: Plain): boolean {
  return JSON.stringify(value).includes('adminPassword');
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
  refuse(path: string, value: Plain, expected: string): undefined {
    if (isPlainObject(value) && Object.hasOwn(value, 'secure')) {
      this.add(
        'setting-secret',
        path,
        `coach:${path} is an encrypted value; coach:database.adminPassword alone is a secret.`,
        `Write it in plain text into ${this.file}, or remove it.`,
      );
      return undefined;
    }
    this.add(
      'setting-invalid',
      path,
      `coach:${path} is ${isConfidential(value) ? 'a value that holds a password' : showValue(value)}; expected ${expected}.`,
      `Set coach:${path} in ${this.file} to ${expected}. docs/settings.md explains it.`,
    );
    return undefined;
  }

  /** Whether something below one of these paths was refused: what depends on it is not judged any more. */
  concerns(paths: readonly string[]): boolean {
    const below = (object: string, path: string): boolean =>
      object === path ||
      object.startsWith(`${path}.`) ||
      object.startsWith(`${path}[`) ||
      path.startsWith(`${object}.`);
    return this.problems.some(({ object }) => paths.some((path) => below(object ?? '', `coach:${path}`)));
  }
}

/** Reads one value. Total: every refusal goes into the report, and undefined comes back. */
export interface Reader<out T> {
  /** Completes "expected ...". */
  readonly expected: string;
  read(value: Plain, path: string, report: Report): T | undefined;
  /** The settings it knows at and below `path`: `indexes`, `indexes[].name`. */
  paths(path: string): string[];
}

/** A reader of one value without parts. */
export function scalar<T>(expected: string, convert: (value: Plain) => T | undefined): Reader<T> {
  return {
    expected,
    read: (value, path, report) => {
      const read = convert(value);
      return read === undefined ? report.refuse(path, value, expected) : read;
    },
    paths: (path) => [path],
  };
}
