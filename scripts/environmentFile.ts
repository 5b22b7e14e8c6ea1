import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { writeAtomically } from '../system/atomicFile';
import { PlatformError } from '../system/errors';

/**
 * Sets variables in a `.env` file and keeps every other byte: comments, order, other variables and whatever encoding they are in. A
 * symbolic link is followed. The file is replaced whole, with mode 0600. Returns the names whose value changed; what cannot be read without a
 * doubt is refused and stays as it is.
 */
export function mergeEnvironmentFile(path: string, variables: Readonly<Record<string, string>>): string[] {
  const target = fileToWrite(path);
  // One character a byte, there and back, whatever the encoding.
  const before = target.exists ? readFileSync(target.path, 'latin1') : '';
  const after = mergeEnvironment(before, variables, path);
  const isOpen = target.exists && (statSync(target.path).mode & 0o777) !== 0o600;
  if (after.text !== before || isOpen) writeAtomically(target.path, Buffer.from(after.text, 'latin1'));
  return after.changed;
}

/** The same on text of one character a byte; `path` is for messages. */
export function mergeEnvironment(
  before: string,
  variables: Readonly<Record<string, string>>,
  path: string,
): { text: string; changed: string[] } {
  if (before.includes('\0')) throw unreadable(path, 'it holds NUL bytes, as UTF-16 does', 'Save it as UTF-8');
  const found = readAssignments(before, path);
  const newline = before.includes('\r\n') ? '\r\n' : '\n';
  const changed: string[] = [];
  const edits: (Assignment & { text: string })[] = [];
  let added = '';
  for (const [name, value] of Object.entries(variables)) {
    const quoted = quote(name, value);
    // The last assignment of a name counts.
    const last = found.findLast((assignment) => assignment.name === name);
    if (last === undefined) added += `${name}=${quoted}${newline}`;
    else if (before.slice(last.start, last.end) === quoted) continue;
    // A comment begins after a blank for some readers.
    else edits.push({ ...last, text: before[last.end] === '#' ? `${quoted} ` : quoted });
    changed.push(name);
  }
  let text = before;
  for (const { start, end, text: value } of edits.sort((a, b) => b.start - a.start))
    text = text.slice(0, start) + value + text.slice(end);
  if (added !== '' && text !== '' && text !== BOM && !/[\r\n]$/.test(text)) text += newline;
  return { text: text + added, changed };
}

interface Assignment {
  name: string;
  /** Of the value with its quotes. */
  start: number;
  end: number;
}

/** The three bytes with which some editors begin UTF-8. */
const BOM = '\u00ef\u00bb\u00bf';
// Blanks are spaces and tabs: what else \s means may be a byte inside a character here.
const NAME = /[ \t]*(?:export[ \t]+)?([\w.-]+)(?:[ \t]*=|:[ \t])[ \t]*/y;
const QUOTED = /"(?:\\"|[^"])*"|'(?:\\'|[^'])*'|`(?:\\`|[^`])*`/y;
const REST_OF_LINE = /[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|$)/y;
const UNQUOTED = /(?:[ \t]*[^#\r\n \t]+)*/y;
const LINE = /[^\r\n]*(?:\r\n|\r|\n|$)/y;

/** Assignments as dotenv finds them, quoted values over several lines among them. */
function readAssignments(text: string, path: string): Assignment[] {
  const found: Assignment[] = [];
  let at = text.startsWith(BOM) ? BOM.length : 0;
  while (at < text.length) {
    const name = matchAt(NAME, text, at);
    if (name !== undefined) {
      const start = at + name[0].length;
      const end = valueEnd(text, start, path);
      found.push({ name: name[1] ?? '', start, end });
      at = end;
    }
    at += matchAt(LINE, text, at)?.[0].length ?? 1;
  }
  return found;
}

function valueEnd(text: string, start: number, path: string): number {
  const quoted = matchAt(QUOTED, text, start)?.[0];
  if (quoted !== undefined && matchAt(REST_OF_LINE, text, start + quoted.length) !== undefined)
    return start + quoted.length;
  const unquoted = matchAt(UNQUOTED, text, start)?.[0] ?? '';
  // Readers disagree on where such a value ends; what follows might be a part of it.
  if (/^["'`]/.test(unquoted)) {
    const line = text.slice(0, start).split(/\r\n|\r|\n/).length;
    throw unreadable(path, `the quoted value in line ${line} does not end with its quote`, 'Close or remove the quote');
  }
  return start + unquoted.length;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Double quotes, in which every reader takes what we write as it is. */
function quote(name: string, value: string): string {
  if (/^[\w.:/?&=@%!*'()~+,;-]*$/.test(value)) return `"${value}"`;
  throw new Error(`${name}: its value would read differently from tool to tool.`);
}

function fileToWrite(path: string): { path: string; exists: boolean } {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link === undefined) {
    const folder = dirname(path);
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return { path, exists: false };
    throw refused(path, `the folder ${folder} does not exist`, 'Make it, or name a file in another one.');
  }
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw refused(path, 'it is a symbolic link to a file that does not exist', 'Make that file or remove the link.');
  if (!statSync(path).isFile()) throw refused(path, 'it is no regular file', 'Name a file, such as .env.');
  return { path: realpathSync(path), exists: true };
}

function refused(path: string, why: string, remedy: string): PlatformError {
  return new PlatformError('environment-file', `--write ${path}: ${why}. Nothing was written.`, remedy, {
    kind: 'usage',
    object: path,
  });
}

function unreadable(path: string, why: string, remedy: string): PlatformError {
  return refused(path, why, `${remedy}, or write to a new file.`);
}
