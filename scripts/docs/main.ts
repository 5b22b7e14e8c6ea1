import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { withTables } from './settings';

/** `npm run docs`: writes the tables of docs/settings.md; started from the compiled folder. */
async function main(): Promise<void> {
  const path = join(__dirname, '..', '..', '..', 'docs', 'settings.md');
  writeFileSync(path, await withTables(readFileSync(path, 'utf8')));
}

void main();
