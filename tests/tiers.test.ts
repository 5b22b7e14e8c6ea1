import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from './support/compiled';
import { testFiles, TIERS } from './support/tiers.mts';

it('every test file belongs to exactly one project, and each project has some', () => {
  const tiers = testFiles(ROOT);
  expect(Object.keys(tiers)).toEqual(TIERS);
  const all = readdirSync(join(ROOT, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.[cm]?[jt]sx?$/.test(name))
    .map((name) => `tests/${name}`);
  expect(Object.values(tiers).flat().sort()).toEqual(all.sort());
  for (const tier of TIERS) expect(tiers[tier], tier).not.toEqual([]);
});

it('a file is where its needs put it: nothing pure waits for a server', () => {
  const tiers = testFiles(ROOT);
  expect(tiers.pure).toContain('tests/tiers.test.ts');
  expect(tiers.server).toContain('tests/postgres/audit/rules.test.ts');
  expect(tiers.stack).toContain('tests/app/stack.test.ts');
  expect(tiers.faults).toContain('tests/faults/diskFull.test.ts');
  expect(tiers.aws).toContain('tests/rehearsal/deploy.test.ts');
});
