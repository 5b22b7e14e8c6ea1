import { relative } from 'node:path';

import { type HandWritten, KINDS } from './handWritten';
import type { PreparationPlan } from './plan';

/** The plan as people read it. */
export function planLines(plan: PreparationPlan): string[] {
  const short = (path: string): string => shorten(plan, path);
  const lines = [`${plan.application}:`, ...plan.found.map((sentence) => `  ${sentence}`)];
  const steps = stepLines(plan, short);
  if (steps.length > 0) lines.push('', 'Steps:', ...steps.flatMap((step, at) => numbered(step, at + 1)));
  if (plan.handWritten.length > 0)
    lines.push('', 'Written by hand in the old migrations, and not in the baseline:', ...handWrittenLines(plan));
  if (plan.notes.length > 0) lines.push('', ...plan.notes.map((note) => `Note: ${note}`));
  return lines;
}

/** By kind, so that what is to be done is said once. */
export function handWrittenLines(plan: Pick<PreparationPlan, 'application' | 'handWritten'>): string[] {
  const kinds = [...new Set(plan.handWritten.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => [
    `  ${KINDS[kind]}`,
    ...plan.handWritten.filter((one) => one.kind === kind).map((one) => `    ${entry(plan, one)}`),
  ]);
}

function entry(plan: Pick<PreparationPlan, 'application'>, { path, line, object, sql }: HandWritten): string {
  return `${shorten(plan, path)}:${line}${object === '' ? '' : ` ${object}`}: ${sql}`;
}

function stepLines({ archive, schema, baseline }: PreparationPlan, short: (path: string) => string): string[][] {
  const steps: string[][] = [];
  if (archive !== undefined)
    steps.push([`move ${short(archive.from)} (${archive.migrations} migrations) to ${short(archive.to)}`]);
  if (baseline !== undefined) {
    const lines = baseline.sql.split('\n').length - 1;
    const tables = baseline.sql.match(/^CREATE TABLE/gm)?.length ?? 0;
    const path = `${short(baseline.directory)}/${baseline.name}/migration.sql`;
    steps.push([`write ${path} (${tables} tables, ${lines} lines) and a migration_lock.toml beside it`]);
  }
  if (schema !== undefined)
    steps.push([
      `change ${short(schema.path)}`,
      ...schema.lines.flatMap(({ line, before, after }) => [`line ${line}: ${before}`, `becomes: ${after}`]),
    ]);
  return steps;
}

function numbered([first = '', ...rest]: string[], number: number): string[] {
  return [`  ${number}. ${first}`, ...rest.map((line) => `       ${line}`)];
}

function shorten({ application }: Pick<PreparationPlan, 'application'>, path: string): string {
  const short = relative(application, path);
  return short.startsWith('..') ? path : short;
}
