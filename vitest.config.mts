import { defineConfig } from 'vitest/config';

import { testFiles, type Tier } from './tests/support/tiers.mts';

const files = testFiles(process.cwd());

/** Projects of one group run side by side, groups one after the other. Tests wait for servers more than they compute. */
const project = (name: Tier, groupOrder: number, maxWorkers: number) => ({
  extends: true as const,
  test: {
    name,
    include: files[name],
    maxWorkers,
    // Modules loaded once for all files of a worker; who replaces modules or kills belongs to the faults.
    isolate: name === 'faults',
    sequence: { groupOrder },
    globalSetup: ['tests/support/runFolder.ts', ...(name === 'pure' ? [] : ['tests/support/global.ts'])],
  },
});

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    projects: [
      project('pure', 0, 4),
      project('server', 0, 4),
      project('stack', 1, 3),
      project('faults', 1, 3),
      project('aws', 1, 2),
    ],
  },
});
