import { expect, it } from 'vitest';

import { poolSettings } from '../../../app/pool';
import { prodEnvironment, prodOutputs } from '../../../scripts/aws/prodOutputs';
import type { Stack } from '../../../scripts/stack';

const STACK = { name: 'prod' } as Stack;
const OUTPUTS = {
  region: 'eu-west-1',
  database: 'inclusive_ai',
  roles: { application: 'inclusive', migrator: 'coach_migrator' },
  instance: { address: 'db.example.eu-west-1.rds.amazonaws.com', port: 15432 },
  proxy: { endpoint: 'proxy.example.eu-west-1.rds.amazonaws.com', port: 5432 },
};

it('the application goes through the proxy, migrations past it, and nobody with a password', () => {
  const environment = prodEnvironment(prodOutputs(STACK, OUTPUTS));
  expect(environment).toEqual({
    DATABASE_URL: 'postgresql://inclusive@proxy.example.eu-west-1.rds.amazonaws.com:5432/inclusive_ai',
    DIRECT_URL: 'postgresql://coach_migrator@db.example.eu-west-1.rds.amazonaws.com:15432/inclusive_ai',
    DATABASE_AUTH: 'iam',
    AWS_REGION: 'eu-west-1',
  });
  // It is what the application's pool takes.
  expect(poolSettings(environment)).toMatchObject({ url: environment['DATABASE_URL'], iam: { region: 'eu-west-1' } });
});

it('without a proxy both go to the instance', () => {
  const without = { ...OUTPUTS, proxy: undefined };
  expect(prodEnvironment(prodOutputs(STACK, without))['DATABASE_URL']).toContain('@db.example.');
});

it('a stack that was never brought up hands out nothing', () => {
  for (const state of [{}, { ...OUTPUTS, instance: undefined }, { ...OUTPUTS, instance: { port: 15432 } }])
    expect(() => prodOutputs(STACK, state)).toThrow(expect.objectContaining({ code: 'stack-not-deployed' }) as Error);
});
