import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import { expect, it } from 'vitest';

const root = join(__dirname, '..');
const rules = createRequire(__filename)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: { name: string }[];
  options: ICruiseOptions;
};

async function violations(folders: string[]): Promise<string[]> {
  const { doNotFollow, exclude } = rules.options;
  const result = await cruise(folders, {
    baseDir: root,
    ruleSet: { forbidden: rules.forbidden },
    validate: true,
    tsPreCompilationDeps: true,
    ...(doNotFollow === undefined ? {} : { doNotFollow }),
    ...(exclude === undefined ? {} : { exclude }),
  } as ICruiseOptions);
  const { summary } = result.output as ICruiseResult;
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

it('every folder imports only what the house allows', async () => {
  const folders = [
    'infra',
    'stacks',
    'components',
    'postgres',
    'engine',
    'system',
    'policies',
    'functions',
    'scripts',
    'app',
  ];
  expect(await violations(folders)).toEqual([]);
});

it('would notice a forbidden import', async () => {
  const folder = join(root, 'postgres', '.architecture-probe');
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'probe.ts'), "import { main } from '../../scripts/cli';\nexport const probe = main;\n");
    expect(await violations(['postgres/.architecture-probe'])).toContain(
      'postgres-alone: postgres/.architecture-probe/probe.ts -> scripts/cli.ts',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
