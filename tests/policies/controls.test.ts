import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { RULES } from '../../policies/index';
import { notApplicable } from '../../policies/notApplicable';
import { controlsDocument } from '../../scripts/docs/controls';

/** Controls of AWS Foundational Security Best Practices for the services that prod uses, as of the end of 2025. */
const CONTROLS: Record<string, number[]> = {
  RDS: [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 17, 19, 20, 21, 22, 23, 25, 36, 43, 46],
  S3: [1, 2, 3, 5, 6, 8, 9, 12, 13],
  Lambda: [1, 2, 5],
  KMS: [1, 2, 3, 5],
  SecretsManager: [1, 2, 3, 4],
  SNS: [4],
  ECS: [1, 3, 4, 5, 8, 9, 10, 12],
  ECR: [1, 2, 3],
  EC2: [2, 6, 10, 15, 16, 18, 19, 21, 55, 56, 57, 58, 60, 172],
  IAM: [1, 21],
};

it('docs/controls.md is what `npm run docs` makes of the rules', async () => {
  expect(readFileSync(join(__dirname, '../../docs/controls.md'), 'utf8')).toBe(await controlsDocument());
});

it('every control has one rule, or one reason why it does not apply', () => {
  const met = RULES.flatMap(({ source }) => (source === 'coach' ? [] : [source.replace('FSBP ', '')]));
  const reasons = notApplicable.map(({ control }) => control);
  const all = Object.entries(CONTROLS).flatMap(([service, numbers]) => numbers.map((number) => `${service}.${number}`));
  expect([...met, ...reasons].sort()).toEqual(all.sort());
});

it('rules have names of their own', () => {
  const ids = RULES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/);
});
