import type { Table } from './document';

/** Seconds by phase, in the order they were entered. */
export const phasesTable = (seconds: Readonly<Record<string, number>>): Table => ({
  caption: 'Where the time went',
  columns: [
    { heading: 'Step', kind: 'text' },
    { heading: 'Time', kind: 'seconds' },
  ],
  rows: Object.entries(seconds),
});
