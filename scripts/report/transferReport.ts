import { type Issue, SHOWN } from '../../postgres/transfer/load/issues';
import type { TransferPlan } from '../../postgres/transfer/plan';
import type { SchemaPlan } from '../../postgres/transfer/schema/plan';
import type { TransferResult } from '../../postgres/transfer/types';
import type { Kind } from '../../postgres/transfer/values/kinds';
import type { Difference } from '../../postgres/transfer/verify/locate';
import type { Section, Table } from './document';
import { phasesTable } from './phases';

/** What a transfer, a dry run or a comparison found out. */
export interface TransferFindings {
  mode: 'load' | 'dry-run' | 'verify';
  source: { file: string; bytes: number; sha256: string | null };
  database: string;
  plan: TransferPlan;
  /** What makes, or would make, the tables that the target lacks. */
  schema?: SchemaPlan;
  result?: TransferResult;
  /** Values that do not fit, counted, and the first of each kind. */
  counts: ReadonlyMap<Kind, number>;
  shown: readonly Issue[];
  /** Where all of them are written. */
  rejectFile: string | undefined;
  differences: readonly Difference[];
}

/** The command's own fields of the JSON object: raw numbers; integers beyond 2^53 as text. */
export function transferFields(findings: TransferFindings): Record<string, unknown> {
  const { source, database, plan, schema, result, counts, shown, rejectFile, differences } = findings;
  const results = new Map(result?.tables.map((table) => [table.table, table]));
  return {
    source,
    database,
    tables: plan.tables.map((table) => {
      const { rows, loaded, rejected, converted, bytes, seconds, checksum } = results.get(table.source.name) ?? {};
      return {
        source: table.source.name,
        target: table.target.name,
        rows: rows ?? table.extent.rows,
        ...(loaded === undefined ? {} : { loaded, rejected, converted, bytes, seconds, checksum }),
        columns: table.columns.map(({ source: from, target, conversion }) => ({
          source: from,
          target: target.name,
          conversion: conversion.label,
        })),
        defaults: table.defaults,
        omitted: table.omitted,
      };
    }),
    omitted: plan.omitted,
    untouched: plan.untouched,
    ...(schema === undefined
      ? {}
      : { createSchema: { tables: schema.tables, statements: schema.statements, notes: schema.notes } }),
    sequences: (result?.sequences ?? []).map(({ table, sequence, next }) => ({ table, sequence, next: String(next) })),
    seconds: result?.seconds ?? {},
    issues: { counts: Object.fromEntries(counts), shown, file: rejectFile ?? null },
    differences,
  };
}

/** The parts of the report that people read. */
export function transferSections(findings: TransferFindings): Section[] {
  const { mode, plan, schema, result, counts, shown, rejectFile, differences } = findings;
  const sections: Section[] = [{ heading: 'Tables', tables: [tablesTable(findings)] }];
  if (schema !== undefined) sections.push(schemaSection(schema));
  if (mode === 'dry-run') sections.push({ heading: 'Columns', tables: plan.tables.map(columnsTable) });
  if (plan.omitted.length + plan.untouched.length > 0) sections.push(leftOut(plan));
  if (counts.size > 0) {
    const note = `Of each kind the first ${SHOWN} are shown.${rejectFile === undefined ? '' : ` All of them: \`${rejectFile}\``}`;
    sections.push({ heading: 'Values that do not fit', paragraphs: [note], tables: [issuesTable(shown)] });
  }
  if (differences.length > 0) sections.push({ heading: 'Differences', tables: [differencesTable(differences)] });
  if (result !== undefined) sections.push(phases(result));
  return sections;
}

function tablesTable({ plan, result }: TransferFindings): Table {
  if (result === undefined) {
    return {
      caption: 'Tables of the source and where they go',
      columns: [
        { heading: 'Table', kind: 'text' },
        { heading: 'Target', kind: 'text' },
        { heading: 'Rows', kind: 'integer' },
        { heading: 'Columns', kind: 'integer' },
      ],
      rows: plan.tables.map(({ source, target, extent, columns }) => [
        source.name,
        target.name,
        extent.rows,
        columns.length,
      ]),
    };
  }
  const sum = (of: (table: TransferResult['tables'][number]) => number): number =>
    result.tables.reduce((total, table) => total + of(table), 0);
  const rate = (rows: number, seconds: number): number | null => (seconds === 0 ? null : rows / seconds);
  const rejected = sum((table) => table.rejected);
  // Most loads reject nothing, and eight columns are more than a terminal shows.
  const ifRejected = <T>(value: T): T[] => (rejected === 0 ? [] : [value]);
  return {
    caption: 'Tables that were loaded',
    columns: [
      { heading: 'Table', kind: 'text' },
      { heading: 'Read', kind: 'integer' },
      { heading: 'Loaded', kind: 'integer' },
      ...ifRejected({ heading: 'Rejected', kind: 'integer' as const }),
      { heading: 'Size', kind: 'bytes' },
      { heading: 'Time', kind: 'seconds' },
      { heading: 'Rows', kind: 'rate' },
      { heading: 'Checksum', kind: 'checksum' },
    ],
    rows: result.tables.map((table) => [
      table.target,
      table.rows,
      table.loaded,
      ...ifRejected(table.rejected),
      table.bytes,
      table.seconds,
      rate(table.rows, table.seconds),
      table.checksum,
    ]),
    totals: [
      'all',
      sum((table) => table.rows),
      sum((table) => table.loaded),
      ...ifRejected(rejected),
      sum((table) => table.bytes),
      sum((table) => table.seconds),
      rate(
        sum((table) => table.rows),
        sum((table) => table.seconds),
      ),
      null,
    ],
  };
}

const schemaSection = ({ statements, notes }: SchemaPlan): Section => ({
  heading: 'Schema',
  tables: [
    {
      caption: 'Statements that make the tables which the target lacks',
      columns: [
        { heading: 'Step', kind: 'integer' },
        { heading: 'Statement', kind: 'text' },
      ],
      rows: statements.map((statement, index) => [index + 1, statement]),
    },
    ...(notes.length === 0
      ? []
      : [
          {
            caption: 'What is otherwise than in the source',
            columns: [
              { heading: 'Of', kind: 'text' as const },
              { heading: 'What', kind: 'text' as const },
            ],
            rows: notes.map(({ object, note }) => [object, note]),
          },
        ]),
  ],
});

const columnsTable = ({ source, target, columns, defaults, omitted }: TransferPlan['tables'][number]): Table => ({
  caption: source.name === target.name ? source.name : `${source.name} to ${target.name}`,
  columns: [
    { heading: 'Column', kind: 'text' },
    { heading: 'Conversion', kind: 'text' },
  ],
  rows: [
    ...columns.map(({ source: from, target: to, conversion }) => [
      from === to.name ? from : `${from} to ${to.name}`,
      conversion.label,
    ]),
    ...omitted.map(({ column, reason }) => [column, `left out: ${reason}`]),
    ...defaults.map((column) => [`(none) to ${column}`, 'its default, or NULL']),
  ],
});

const leftOut = ({ omitted, untouched }: TransferPlan): Section => ({
  heading: 'Left out',
  tables: [
    {
      caption: 'Tables that nothing is read from or written to',
      columns: [
        { heading: 'Table', kind: 'text' },
        { heading: 'Of', kind: 'text' },
        { heading: 'Why', kind: 'text' },
      ],
      rows: [
        ...omitted.map(({ table, reason }) => [table, 'source', reason]),
        ...untouched.map((table) => [table, 'target', 'the source has no such table']),
      ],
    },
  ],
});

const issuesTable = (shown: readonly Issue[]): Table => ({
  caption: 'Values that do not fit',
  columns: ['Kind', 'Table', 'Key', 'Column', 'Value', 'Reason', 'Action'].map((heading) => ({
    heading,
    kind: 'text',
  })),
  rows: shown.map(({ kind, table, key, column, value, reason, action }) => [
    kind,
    table,
    key,
    column,
    value,
    reason,
    action,
  ]),
});

const differencesTable = (differences: readonly Difference[]): Table => ({
  caption: 'The first ten of each table, in the form that is compared',
  columns: ['Table', 'Key', 'Column', 'Source', 'Target'].map((heading) => ({ heading, kind: 'text' })),
  rows: differences.map(({ table, key, column, source, target }) => [
    table,
    key,
    column ?? '(row)',
    source ?? null,
    target ?? null,
  ]),
});

const phases = ({ seconds, sequences }: TransferResult): Section => ({
  heading: 'Steps',
  tables: [
    phasesTable(seconds),
    ...(sequences.length === 0
      ? []
      : [
          {
            caption: 'Sequences and the number each gives next',
            columns: [
              { heading: 'Sequence', kind: 'text' as const },
              { heading: 'Next', kind: 'integer' as const },
            ],
            rows: sequences.map(({ sequence, next }) => [sequence, String(next)]),
          },
        ]),
  ],
});
