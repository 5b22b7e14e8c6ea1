import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { errorFromText, errorText, PlatformError } from '../../system/errors';
import { ROOT } from '../support/compiled';
import { SPEAKING } from '../support/sourceTexts';

const CODE = /new PlatformError\(\s*'([^']*)'/g;

it('every code of the sources comes back from the text of its error', () => {
  const codes = SPEAKING.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => [...readFileSync(join(ROOT, folder, name), 'utf8').matchAll(CODE)])
      .map(([, code = '']) => code),
  );
  expect(codes.length).toBeGreaterThan(100);
  const lost = codes.filter(
    (code) => errorFromText(errorText(new PlatformError(code, 'What.', 'Mend.')))?.code !== code,
  );
  expect(lost).toEqual([]);
});
