import { describe, expect, it } from 'vitest';

import { differences, type RowData } from '../../postgres/audit/reading/differences';
import type { HistoryEntry } from '../../postgres/audit/reading/history';
import { renderHistory } from '../../scripts/report/history';
import { printable, renderJson, renderProblems } from '../../scripts/report/print';

function entry(before: RowData | null, after: RowData | null, more: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    id: '01a2092b-fed4-7000-8000-000000000006',
    operation: before === null ? 'INSERT' : after === null ? 'DELETE' : 'UPDATE',
    schema: 'public',
    table: 'Student',
    childTable: null,
    key: { id: 's1' },
    before,
    after,
    differences: differences(before, after),
    marker: null,
    user: 'u42',
    timestamp: new Date('2026-11-23T16:10:07.955Z'),
    clockTime: new Date('2026-11-23T16:10:07.956Z'),
    txid: '821',
    sessionUser: 'inclusive',
    application: 'web',
    clientAddress: '127.0.0.1',
    ...more,
  };
}

describe('a row’s history as text', () => {
  it('says when, what, who, and each changed column', () => {
    expect(renderHistory([entry({ id: 's1', name: 'Ana', score: 1 }, { id: 's1', name: 'Anna', grade: 'B' })])).toBe(
      [
        '2026-11-23 16:10:07.955Z  UPDATE  Student  id="s1"',
        '  user u42, role inclusive, application web, from 127.0.0.1, transaction 821',
        '  ~ name   "Ana" -> "Anna"',
        '  + grade  "B"',
        '  - score  1',
      ].join('\n'),
    );
  });

  it('keeps to 80 columns, whatever the values', () => {
    const long = 'x'.repeat(500);
    const text = renderHistory([
      entry({ [long]: long, id: 's1' }, { [long]: `${long}y`, id: 's1' }, { application: long, key: { id: long } }),
      entry(null, { name: long }),
      entry({ name: long }, null),
    ]);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('lets no recorded text steer the terminal', () => {
    const hostile = 'a\u001b[2J\r\n\u009b31m\u202edlo\u200b';
    const text = renderHistory([
      entry(
        null,
        { [hostile]: hostile },
        { user: hostile, application: hostile, table: hostile, marker: { [hostile]: 1 } },
      ),
    ]);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(printable('a\u{e0041}b\u2028')).toBe('a\\u{e0041}b\\u2028');
    expect(printable('Ärger 日本')).toBe('Ärger 日本');
    expect(printable('\ud83d\ude42\ud83d')).toBe('\ud83d\ude42\\ud83d');
  });

  it('lets none steer it as JSON or in an error either, and changes no value', () => {
    const hostile = 'a\u001b[2J\r\n\u007f\u009b31m\u202edlo\u200b\u2028\u{e0041}"\\ ñ 日本 🙂';
    const fields = { [hostile]: { entries: [entry(null, { [hostile]: hostile })] } };
    const problem = { code: 'audit-query', message: `one\n${hostile}`, remedy: hostile };
    const result = { status: 'ok' as const, exitCode: 0 as const, problems: [problem], fields, text: '' };
    const json = renderJson('audit', 'local', new Date(0), 1, result);
    expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(json)).toMatchObject(JSON.parse(JSON.stringify({ ...fields, problems: [problem] })) as object);
    expect(json).toContain('ñ 日本 🙂');
    expect(renderProblems([problem]).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it('prints what a marker says', () => {
    const text = renderHistory([entry(null, null, { operation: 'KEY', marker: { from: { id: 's0' } } })]);
    expect(text).toContain('KEY  Student  id="s1"');
    expect(text).toContain('from={"id":"s0"}');
  });
});
