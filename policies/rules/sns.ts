import { isPublic, saying, statementsOf } from '../documents';
import { beside } from '../references';
import { type Rule, rule } from '../rule';
import { TOPIC, TOPIC_POLICY } from '../types';
import { wantsSome } from '../values';

export const snsRules: readonly Rule[] = [
  rule('sns-not-public', {
    source: 'FSBP SNS.4',
    title: 'No topic lets anybody publish or subscribe',
    types: [TOPIC],
    find: (topic, graph) =>
      [
        ...statementsOf(topic, 'policy'),
        ...beside(graph, topic, TOPIC_POLICY, 'arn').flatMap((policy) => statementsOf(policy, 'policy')),
      ]
        .filter(isPublic)
        .map((statement) => `${saying(statement)} allows it to anybody`),
  }),
  rule('sns-encrypted', {
    title: 'Every topic is encrypted with a key of the platform’s own',
    types: [TOPIC],
    find: wantsSome('kmsMasterKeyId', 'a key'),
  }),
];
