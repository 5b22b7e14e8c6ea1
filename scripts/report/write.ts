import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { allForStack } from '../../postgres/commands';
import { writeAtomically } from '../../system/atomicFile';
import { PlatformError, systemReason } from '../../system/errors';
import type { ReportDocument } from './document';
import { renderHtml } from './html';
import { renderMarkdown } from './markdown';
import { printable, renderJson } from './print';

/** Of each command: a month of a daily one, and a bound for one that runs every few minutes. */
export const REPORTS_KEPT = 30;

export interface WrittenReport {
  /** The JSON, Markdown and HTML files; none when they could not be written. */
  files: string[];
  /** For people, on stderr: where the report is, or why there is none. */
  notice: string;
}

/**
 * Writes a report below the stack's folder (`reports/transfer-2026-11-26T08-26-46-123Z.html`, `.md` and `.json`): all three or none, for their owner
 * alone, since a report may quote data. The JSON is what the command prints with --json, of its `fields`. Never throws: what was
 * done stays done when its report finds no room. Without a folder nothing is written.
 */
export function writeReport(
  stackFolder: string | undefined,
  command: string,
  document: ReportDocument,
  fields: Record<string, unknown>,
): WrittenReport {
  if (stackFolder === undefined) return { files: [], notice: '' };
  const { stack, status, startedAt, durationMs } = document;
  const folder = join(stackFolder, 'reports');
  const name = runName(command, startedAt);
  const file = (form: string): string => join(folder, `${name}.${form}`);
  const files: string[] = [];
  const write = (form: string, content: string): void => {
    writeAtomically(file(form), content);
    files.push(file(form));
  };
  try {
    prepare(stackFolder, folder);
    const problems = allForStack([...document.problems], stack);
    write('json', `${renderJson(command, stack, startedAt, durationMs, { status, problems, fields })}\n`);
    write('md', renderMarkdown({ ...document, problems }));
    write('html', renderHtml({ ...document, problems }));
  } catch (error) {
    for (const written of files) rmSync(written, { force: true });
    return { files: [], notice: warning(`no report was written to ${folder}`, error) };
  }
  const notice = printable(`Report: ${file('html')} (beside it .md and .json)`);
  try {
    removeOld(folder, command, name);
    return { files, notice };
  } catch (error) {
    return { files, notice: `${notice}\n${warning(`older reports in ${folder} could not be removed`, error)}` };
  }
}

function warning(what: string, error: unknown): string {
  // What a full disk means for other files is said by a PlatformError; here its cause is enough.
  return printable(
    `warning: ${what}: ${systemReason(error instanceof PlatformError ? (error.cause ?? error) : error)}`,
  );
}

/** All but the newest runs of this command, with what else bears a run's name; the one just written stays whatever the clock says. */
function removeOld(folder: string, command: string, written: string): void {
  const form = new RegExp(`^(${fileName(command)}-\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d-\\d{3}Z)\\.[\\w.]+$`);
  const files = readdirSync(folder).flatMap((file) => {
    const run = form.exec(file)?.[1];
    return run === undefined || run === written ? [] : [{ file, run }];
  });
  const runs = [...new Set(files.map(({ run }) => run))].sort();
  const old = new Set(runs.slice(0, Math.max(runs.length - (REPORTS_KEPT - 1), 0)));
  for (const { file, run } of files) if (old.has(run)) rmSync(join(folder, file), { force: true });
}

/** `backup verify` is `backup-verify`. */
function fileName(command: string): string {
  return command.replaceAll(' ', '-');
}

/** What the files of one run are called, without their form. */
const runName = (command: string, startedAt: Date): string =>
  `${fileName(command)}-${startedAt.toISOString().replace(/[:.]/g, '-')}`;

/** A file beside the run's reports, which goes when they do; its folder is made. */
export function besideReport(stackFolder: string, command: string, startedAt: Date, form: string): string {
  const folder = join(stackFolder, 'reports');
  prepare(stackFolder, folder);
  return join(folder, `${runName(command, startedAt)}.${form}`);
}

function prepare(stackFolder: string, folder: string): void {
  mkdirSync(stackFolder, { recursive: true, mode: 0o711 });
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) mkdirSync(folder, { mode: 0o700 });
  // Through a link root would change a folder that is somebody else's.
  else if (found.isDirectory()) chmodSync(folder, 0o700);
  else throw new Error(`${folder} is not a folder.`);
}
