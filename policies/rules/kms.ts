import { covers, isPublic, isReadable, type PolicyStatement, saying, statementsOf } from '../documents';
import { named } from '../references';
import { type PolicyResource, type Rule, rule } from '../rule';
import { KEY, LOG_GROUP, ROLE_POLICY, TOPIC } from '../types';
import { at, numberWithin, wants } from '../values';

const DECRYPTING = ['kms:Decrypt', 'kms:ReEncryptFrom'];
const isAnyKey = (resource: string): boolean =>
  /^(\*|arn:aws[\w-]*:kms:[^:]*:[^:]*:(\*|key\/\*|alias\/\*))$/.test(resource);

function decryptsAll(policy: PolicyResource): string[] {
  const isOpen = ({ isAllow, actions, resources }: PolicyStatement): boolean =>
    isAllow &&
    // kms:* and * are IAM.21's and IAM.1's.
    actions.some((one) => !/^(kms:)?\*$/.test(one) && DECRYPTING.some((action) => covers(one, action))) &&
    resources.some(isAnyKey);
  return statementsOf(policy, 'policy')
    .filter(isOpen)
    .map((statement) => `${saying(statement)} decrypts with every key`);
}

/** The account has to be able to change this very policy again. */
function administers({ isAllow, principals, actions, resources }: PolicyStatement): boolean {
  return (
    isAllow &&
    principals.some((principal) => principal.endsWith(':root')) &&
    ['kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion', 'kms:DescribeKey'].every((action) =>
      actions.some((one) => covers(one, action)),
    ) &&
    resources.includes('*')
  );
}

/** What stands encrypted, by which property, and who has to reach the key for it without a role. */
const SERVICES: Readonly<Record<string, { path: string; services: RegExp[] }>> = {
  [LOG_GROUP]: { path: 'kmsKeyId', services: [/^logs\.[^.]+\.amazonaws\.com(\.cn)?$/] },
  [TOPIC]: { path: 'kmsMasterKeyId', services: [/^cloudwatch\.amazonaws\.com$/, /^events\.rds\.amazonaws\.com$/] },
};

export const kmsRules: readonly Rule[] = [
  rule('kms-decrypt-inline', {
    source: 'FSBP KMS.2',
    title: 'No role’s own policy decrypts with every key',
    types: [ROLE_POLICY],
    find: decryptsAll,
  }),
  rule('kms-waiting-period', {
    source: 'FSBP KMS.3',
    title: 'A key that is deleted can be kept for 30 more days',
    types: [KEY],
    find: numberWithin('deletionWindowInDays', 30, 30),
  }),
  rule('kms-not-public', {
    source: 'FSBP KMS.5',
    title: 'No key lets anybody in',
    types: [KEY],
    find: (key) =>
      statementsOf(key, 'policy')
        .filter(isPublic)
        .map((statement) => `${saying(statement)} allows it to anybody`),
  }),
  rule('kms-rotation', {
    title: 'Every key is rotated by KMS',
    types: [KEY],
    find: wants('enableKeyRotation', true),
  }),
  rule('kms-administered', {
    title: 'No key locks its account out: root may change its policy',
    types: [KEY],
    find: (key) =>
      !isReadable(key, 'policy') || statementsOf(key, 'policy').some(administers)
        ? []
        : ['no statement of its policy lets the account’s root administer it'],
  }),
  rule('kms-services', {
    title: 'A key lets in the services that encrypt with it by themselves: logs, alarms and RDS’s events',
    types: Object.keys(SERVICES),
    find: ({ type, inputs }, graph) => {
      const { path, services } = SERVICES[type] ?? { path: '', services: [] };
      const key = named(graph, at(inputs, path), KEY);
      if (key === undefined || !isReadable(key, 'policy')) return [];
      const allowed = statementsOf(key, 'policy')
        .filter(({ isAllow, actions }) => isAllow && actions.some((action) => covers(action, 'kms:Decrypt')))
        .flatMap((statement) => statement.services);
      return services
        .filter((service) => !allowed.some((one) => service.test(one)))
        .map(
          (service) =>
            `the policy of ${key.name} lets in ${allowed.join(', ') || 'no service'}; expected ${service.source}`,
        );
    },
  }),
];
