import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { MAJORS } from '../postgres/tuning/parameter';
import { ROOT } from './support/compiled';
import { TIERS } from './support/tiers.mts';

interface Workflow {
  jobs: Record<string, { strategy?: { matrix: Record<string, number[]> }; steps: { run?: string }[] }>;
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const { jobs } = parse(read('.github/workflows/ci.yml')) as Workflow;
const { engines, scripts } = JSON.parse(read('package.json')) as {
  engines: { node: string };
  scripts: Record<string, string>;
};

it('the workflow gates every supported major of PostgreSQL, and the oldest Node.js', () => {
  expect(jobs['gate']?.strategy?.matrix['postgresql']).toEqual(MAJORS);
  expect(jobs['node']?.strategy?.matrix['node']?.[0]).toBe(Number(/\d+/.exec(engines.node)?.[0]));
});

it('runs only commands, projects and files that exist', () => {
  const words = Object.values(jobs).flatMap(({ steps }) =>
    steps.flatMap(({ run }) => (run === undefined ? [] : [run.split(' ')])),
  );
  expect(words.length).toBeGreaterThan(5);
  for (const [program, command, ...rest] of words) {
    if (program === 'bash') expect(existsSync(join(ROOT, command ?? '')), command).toBe(true);
    else if (program === 'npm' && command === 'run') expect(Object.keys(scripts)).toContain(rest[0]);
    else if (program === 'npx' && rest[1] === '--project') expect(TIERS).toContain(rest[2]);
    else if (program === 'npx') for (const path of rest.slice(1)) expect(existsSync(join(ROOT, path)), path).toBe(true);
    else expect([program, command]).toEqual(['npm', 'ci']);
  }
});
