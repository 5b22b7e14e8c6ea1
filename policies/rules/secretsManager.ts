import { type Rule, rule } from '../rule';
import { INSTANCE } from '../types';
import { wants, wantsSome } from '../values';
import { isPrimary } from './rds';

export const secretsManagerRules: readonly Rule[] = [
  rule('secrets-rotated', {
    source: 'FSBP SecretsManager.1',
    title: 'RDS keeps the master’s password in a secret and rotates it; none is in program or state',
    types: [INSTANCE],
    where: isPrimary,
    find: ({ inputs }) => [
      ...wants('manageMasterUserPassword', true)({ inputs }),
      ...['password', 'passwordWo']
        .filter((property) => inputs[property] !== undefined)
        .map((property) => `${property} is set; expected manageMasterUserPassword alone`),
    ],
  }),
  rule('secrets-own-key', {
    title: 'The master’s secret is encrypted with a key of the platform’s own',
    types: [INSTANCE],
    where: isPrimary,
    find: wantsSome('masterUserSecretKmsKeyId', 'the id of a key'),
  }),
];
