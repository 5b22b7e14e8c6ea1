import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { settingRows, withTables } from '../../../scripts/docs/settings';

const text = readFileSync(join(__dirname, '../../../docs/settings.md'), 'utf8');

describe('docs/settings.md', () => {
  it('is what `npm run docs` makes of the schema', async () => {
    expect(await withTables(text)).toBe(text);
  });

  it('says of every setting what it takes, what it means and what a change does', () => {
    const rows = settingRows();
    expect(rows.length).toBeGreaterThan(80);
    expect(new Set(rows.map(({ path }) => path)).size).toBe(rows.length);
    const silent = rows.filter(({ about, change }) =>
      [about.kind, about.means, change].some((said = '') => said === ''),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('would miss a setting, and one that nobody knows', async () => {
    await expect(withTables(text.replace('made: pool', 'made: swimming'))).rejects.toThrow('"swimming"');
    await expect(withTables(text.replace(/<!-- made: pool -->[^]*?<!-- end -->/, ''))).rejects.toThrow('made: pool');
    expect(await withTables(text.replace('`30000`', '`1`'))).toBe(text);
  });
});
