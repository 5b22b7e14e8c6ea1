import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { controlsDocument } from './controls';
import { withTables } from './settings';

/** `npm run docs`: writes the tables of docs/settings.md, and docs/controls.md; started from the compiled folder. */
async function main(): Promise<void> {
  const docs = join(__dirname, '..', '..', '..', 'docs');
  const path = join(docs, 'settings.md');
  writeFileSync(path, await withTables(readFileSync(path, 'utf8')));
  writeFileSync(join(docs, 'controls.md'), await controlsDocument());
}

void main();
