import { gunzipSync, gzipSync } from 'node:zlib';

import type { TaskOutcome } from '../../postgres/backup/task';
import type { Problem } from '../../system/errors';

/** What the task says at its end. */
export interface TaskReport extends TaskOutcome {
  problems: readonly Problem[];
  /** The command's own fields of the JSON object. */
  fields: Record<string, unknown>;
  /** For people. */
  text: string;
}

/** A line of a log may have 16 KiB before it is cut in two. */
const PART = 12_000;

/**
 * The report as lines of the log: the whole of it packed, in parts, and as the last line what alarms and people look for, as JSON:
 * `{"command":"backup","stack":"prod","status":"changed","exitCode":0,"problems":[]}`.
 */
export function reportLines(report: TaskReport): string[] {
  const { command, stack, status, exitCode, problems, fields, text } = report;
  const packed = gzipSync(JSON.stringify({ fields, text })).toString('base64');
  const parts = packed.match(new RegExp(`.{1,${PART}}`, 'g')) ?? [];
  const short = problems.slice(0, 5).map((one) => ({ ...one, message: one.message.slice(0, 1000) }));
  const last = { command, stack, status, exitCode, problems: short, parts: parts.length };
  return [...parts.map((data, at) => JSON.stringify({ part: at + 1, data })), JSON.stringify(last)];
}

/** Reads the log line by line; what is no part of a report is for people. */
export class ReportReader {
  report: TaskReport | undefined;
  private readonly parts: string[] = [];

  /** Whether the line is one of the report's. */
  take(line: string): boolean {
    const value = jsonOf(line);
    if (value === undefined) return false;
    if (typeof value['part'] === 'number' && typeof value['data'] === 'string') {
      this.parts[value['part'] - 1] = value['data'];
      return true;
    }
    if (!isOutcome(value)) return false;
    const { parts, ...outcome } = value;
    this.report = { ...outcome, ...this.contents(parts) };
    return true;
  }

  /** A log may have lost lines: the outcome alone still tells how it ended. */
  private contents(parts: number): Pick<TaskReport, 'fields' | 'text'> {
    try {
      if (this.parts.filter(Boolean).length === parts)
        return JSON.parse(gunzipSync(Buffer.from(this.parts.join(''), 'base64')).toString()) as TaskReport;
    } catch {
      // As one that lacks parts.
    }
    return { fields: {}, text: 'The log does not hold the whole report of the task.' };
  }
}

/** The last line, as `reportLines` writes it. */
type Outcome = Omit<TaskReport, 'fields' | 'text'> & { parts: number };

const isOutcome = (value: object): value is Outcome =>
  'parts' in value && typeof value.parts === 'number' && 'exitCode' in value && typeof value.exitCode === 'number';

function jsonOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
