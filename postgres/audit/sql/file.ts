import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { TrailNames } from '../names';

const texts = new Map<string, string>();

/** The text of `name.sql`, read once. */
export function sqlFile(name: string): string {
  const text = texts.get(name) ?? readFileSync(join(__dirname, `${name}.sql`), 'utf8');
  texts.set(name, text);
  return text;
}

/** A value's mark and the sample that stands for it: a text, a word or number, or an expression in parentheses. */
const SAMPLE = /\/\*=(\w+)\*\/ ('[^']*'|[\w.]+|\([^()]*\))/g;

/**
 * The files are SQL as it is for a trail `audit.audit_log`, so that an SQL tool reads them. For any other trail names in schema `audit` are
 * replaced, and each sample after a mark by the value of that name, which is SQL.
 */
export function filledIn(text: string, names: TrailNames, values: Readonly<Record<string, string>>): string {
  const own: Record<string, string> = {
    audit_log: names.trail,
    audit_log_id: names.sequence,
    audit_log_default: names.defaultPartition,
  };
  return text
    .replace(/(?<![\w:'])audit\.(\w+)/g, (_match, name: string) => own[name] ?? names.fn(name))
    .replace(SAMPLE, (_match, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`No value for /*=${name}*/ in an SQL file.`);
      return value;
    });
}
