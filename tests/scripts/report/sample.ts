import type { ReportDocument } from '../../../scripts/report/document';

/** A transfer that found a difference, with every part that a document can have. */
export const SAMPLE: ReportDocument = {
  title: 'Transfer of app.db into inclusive_ai',
  status: 'differs',
  stack: 'local',
  startedAt: new Date('2026-11-26T08:26:46.123Z'),
  durationMs: 9_240,
  summary: '2,000,416 rows of 3 tables were loaded; 1 table differs, so nothing of the load is visible.',
  facts: [
    { label: 'Source', value: '/srv/coach/prisma/app.db' },
    { label: 'Size', value: 534_123_520, kind: 'bytes' },
    {
      label: 'SHA-256',
      value: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      kind: 'checksum',
    },
    { label: 'Target', value: 'inclusive_ai on 127.0.0.1:54329' },
  ],
  sections: [
    {
      heading: 'Tables',
      paragraphs: ['Every table was compared by its rows and by a checksum over all values.'],
      tables: [
        {
          caption: 'Rows read and loaded',
          columns: [
            { heading: 'table', kind: 'text' },
            { heading: 'read', kind: 'integer' },
            { heading: 'loaded', kind: 'integer' },
            { heading: 'rejected', kind: 'integer' },
            { heading: 'bytes', kind: 'bytes' },
            { heading: 'time', kind: 'seconds' },
            { heading: 'rate', kind: 'rate' },
          ],
          rows: [
            ['Student', 400_000, 400_000, 0, 61_234_567, 1.42, 281_690],
            ['CompletedLesson', 1_600_000, 1_599_998, 2, 402_000_000, 6.7, 238_806],
            ['Assessment', 416, 416, 0, 40_960, 0.01, 41_600],
          ],
          totals: ['total', 2_000_416, 2_000_414, 2, 463_275_527, 8.13, 246_053],
        },
        {
          caption: 'Checksums',
          columns: [
            { heading: 'table', kind: 'text' },
            { heading: 'source', kind: 'checksum' },
            { heading: 'target', kind: 'checksum' },
            { heading: 'equal', kind: 'percent' },
          ],
          rows: [
            ['Student', '5f4dcc3b5aa765d61d8327deb882cf99', '5f4dcc3b5aa765d61d8327deb882cf99', 1],
            ['CompletedLesson', '7c6a180b36896a0a8c02787eeafb0e4c', '6cb75f652a9b52798eb6cf2201057c73', 0.99999],
            ['Assessment', null, null, null],
          ],
        },
      ],
    },
    {
      heading: 'Over time',
      series: [
        {
          caption: 'Duration of transfers',
          kind: 'seconds',
          points: [9.9, 9.4, 12.5, 9.1, 9.24].map((value, day) => ({
            at: new Date(Date.UTC(2026, 10, 22 + day)),
            value,
          })),
        },
      ],
    },
  ],
  problems: [
    {
      code: 'transfer-differs',
      message: 'Table CompletedLesson differs in 2 rows: ids 77 and 1041, column score.',
      remedy: 'See the rejected rows in `rejected.jsonl`, then run `npm run coachdb -- transfer --from app.db` again.',
      object: 'CompletedLesson',
    },
  ],
};
