import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { projectRoot } from '../../system/projectRoot';
import { compressSample, SAMPLE_FILE } from './file';
import { writeSample } from './write';

/** `npm run sample`: writes the sample that a first `npm start` loads. */
async function main(): Promise<void> {
  const root = projectRoot(__dirname);
  const folder = mkdtempSync(join(tmpdir(), 'coachdb-sample-'));
  try {
    const file = join(folder, 'sample.db');
    await writeSample(file, folder, root);
    writeFileSync(join(root, SAMPLE_FILE), compressSample(readFileSync(file)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (require.main === module) void main();
