import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { TRAIL_COLUMNS } from '../../../postgres/audit/columns';
import { rowDigest } from '../../../postgres/audit/sql/chain';

describe('the list of the trail’s columns', () => {
  it('is the table of docs/audit.md, word by word', () => {
    const text = readFileSync(join(__dirname, '../../../docs/audit.md'), 'utf8');
    const table = text.slice(text.indexOf('| column '), text.indexOf('Not recorded: '));
    const rows = table.trim().split('\n').slice(2);
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(cells).toEqual(TRAIL_COLUMNS.map(({ name, comment }) => [`\`${name}\``, comment]));
  });

  it('gives the digest of the first release whatever is added: a column that came later has to be said to be', () => {
    expect(rowDigest('r')).toMatch(
      new RegExp(
        `^pg_catalog.sha256\\(pg_catalog.convert_to\\(\\(pg_catalog.jsonb_build_array\\(r."id", r."table_name", r."operation", r."old_data", r."new_data", r."user_id", ` +
          `pg_catalog.trunc\\(extract\\(epoch from r."timestamp"\\) \\* 1000000\\), pg_catalog.trunc\\(extract\\(epoch from r."statement_time"\\) \\* 1000000\\), ` +
          `pg_catalog.trunc\\(extract\\(epoch from r."clock_time"\\) \\* 1000000\\), r."txid", r."session_user_name", r."application_name", r."table_schema", ` +
          `r."child_table", r."key", r."key_hash", r."marker", r."client_address"\\)(?: \\|\\| .*)?\\)::pg_catalog.text, 'UTF8'\\)\\)$`,
      ),
    );
  });

  it('has nothing that came later, is NOT NULL or has a text that depends on settings', () => {
    for (const { name, type, notNull } of TRAIL_COLUMNS.filter(({ later }) => later === true)) {
      expect(notNull, name).toBeUndefined();
      expect(['text', 'jsonb', 'bigint', 'uuid'], name).toContain(type);
    }
  });
});
