import type { Difference } from '../../postgres/audit/reading/differences';
import type { HistoryEntry } from '../../postgres/audit/reading/history';
import { printable } from './print';

const WIDTH = 80;
const LONGEST_COLUMN = 24;

/** Entries of the trail as people read them, oldest first: when, what and which row; who; then one line a changed column. */
export function renderHistory(entries: readonly HistoryEntry[]): string {
  return entries.map(renderEntry).join('\n\n');
}

function renderEntry(entry: HistoryEntry): string {
  const { operation, schema, table, key, marker, differences } = entry;
  const row = key === null ? '' : `  ${Object.entries(key).map(pair).join(', ')}`;
  const tableName = schema === 'public' ? printable(table) : printable(`${schema}.${table}`);
  return [
    cut(`${timeOf(entry.timestamp)}  ${operation}  ${tableName}${row}`),
    cut(`  ${whoOf(entry)}`),
    ...(marker === null ? [] : Object.entries(marker).map((one) => cut(`  ${pair(one)}`))),
    ...changes(differences),
  ].join('\n');
}

function changes(differences: readonly Difference[]): string[] {
  const names = differences.map(({ column }) => printable(column));
  const width = Math.min(LONGEST_COLUMN, Math.max(0, ...names.map((name) => name.length)));
  return differences.map((difference, index) => {
    const name = (names[index] ?? '').padEnd(width);
    const { kind } = difference;
    if (kind === 'added') return cut(`  + ${name}  ${value(difference.after)}`);
    if (kind === 'removed') return cut(`  - ${name}  ${value(difference.before)}`);
    const room = Math.max(12, Math.floor((WIDTH - width - 10) / 2));
    const [before, after] = [value(difference.before), value(difference.after)];
    // Side by side where both fit; else below each other, so that neither end is lost behind the other.
    if (before.length <= room && after.length <= room) return `  ~ ${name}  ${before} -> ${after}`;
    return [cut(`  ~ ${name}  ${before}`), cut(`    ${' '.repeat(width)}  -> ${after}`)].join('\n');
  });
}

function whoOf({ user, sessionUser, application, clientAddress, txid, childTable }: HistoryEntry): string {
  const role = `role ${printable(sessionUser)}`;
  const parts = [user === null ? role : `user ${printable(user)}, ${role}`];
  if (application !== null && application !== '') parts.push(`application ${printable(application)}`);
  if (clientAddress !== null) parts.push(`from ${clientAddress}`);
  parts.push(`transaction ${txid}`);
  if (childTable !== null) parts.push(`in ${printable(childTable)}`);
  return parts.join(', ');
}

/** `2026-11-23 15:02:11.123Z`. */
const timeOf = (time: Date): string => time.toISOString().replace('T', ' ');

const pair = ([name, content]: [string, unknown]): string => `${printable(name)}=${value(content)}`;

function value(content: unknown): string {
  return printable(JSON.stringify(content) ?? 'null');
}

function cut(line: string): string {
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`;
}
