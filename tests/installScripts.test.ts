import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const read = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(__dirname, '..', name), 'utf8')) as Record<string, unknown>;

it('package.json decides about the install script of every locked package, and only of those', () => {
  const packages = read('package-lock.json')['packages'] as Record<string, { hasInstallScript?: boolean }>;
  const scripted = Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => hasInstallScript === true && path !== '')
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  expect(scripted).toContain('prisma');
  const decided = Object.keys(read('package.json')['allowScripts'] as Record<string, boolean>);
  expect([...new Set(scripted)].sort()).toEqual(decided.sort());
});
