import { expect, it } from 'vitest';

import { withoutCredentials } from '../../../engine/protocol/credentials';

const OPENING = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'PULUMI_ACCESS_TOKEN',
  'PULUMI_CONFIG_PASSPHRASE',
  'PULUMI_CONFIG_PASSPHRASE_FILE',
  'PGPASSWORD',
  'PGPASSFILE',
  'PGHOST',
  'DATABASE_URL',
  'DIRECT_URL',
  'GITHUB_TOKEN',
];

it.each(OPENING)('%s does not reach a process that needs no credentials', (name) => {
  expect(withoutCredentials({ [name]: 'secret', PATH: '/bin' })).toEqual({ PATH: '/bin' });
});

it('everything else does, also what only looks alike', () => {
  const environment = { PATH: '/bin', PULUMI_HOME: '/p', MY_DATABASE_URL_DOC: 'x', NODE_OPTIONS: '', LAWS_: 'x' };
  expect(withoutCredentials(environment)).toEqual(environment);
});
