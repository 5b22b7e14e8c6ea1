import { beside } from '../references';
import { type Rule, rule } from '../rule';
import { REPOSITORY, REPOSITORY_LIFECYCLE } from '../types';
import { at, shown, wants } from '../values';

export const ecrRules: readonly Rule[] = [
  rule('ecr-scanned', {
    source: 'FSBP ECR.1',
    title: 'Images are scanned when they are pushed',
    types: [REPOSITORY],
    find: wants('imageScanningConfiguration.scanOnPush', true),
  }),
  rule('ecr-immutable', {
    source: 'FSBP ECR.2',
    title: 'A tag always means the same image',
    types: [REPOSITORY],
    find: wants('imageTagMutability', 'IMMUTABLE'),
  }),
  rule('ecr-lifecycle', {
    source: 'FSBP ECR.3',
    title: 'Old images go',
    types: [REPOSITORY],
    find: (repository, graph) =>
      beside(graph, repository, REPOSITORY_LIFECYCLE, 'repository').length === 1
        ? []
        : ['it has no lifecycle policy of its own; expected one'],
  }),
  rule('ecr-kms', {
    title: 'Images are encrypted with a key of the platform’s own',
    types: [REPOSITORY],
    find: ({ inputs }) => {
      const found = at(inputs, 'encryptionConfigurations.0.encryptionType');
      return found === 'KMS' ? [] : [`encryptionType is ${shown(found)}; expected "KMS"`];
    },
  }),
];
