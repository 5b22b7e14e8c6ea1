import { describe, expect, it } from 'vitest';

import { keyPolicy, type KeyUser, keyUserStatement } from '../../../components/encryption/keyPolicy';
import { type Decision, evaluate } from '../backup/policyEvaluator';

const OURS = '111111111111';
const OTHER = '222222222222';
const KEY = `arn:aws:kms:eu-west-1:${OURS}:key/1`;

function may(
  by: string,
  action: string,
  context: Record<string, string>,
  place = { region: 'eu-west-1', partition: 'aws' },
): Decision {
  const logGroupArns = `arn:${place.partition}:logs:${place.region}:${OURS}:log-group:*`;
  const users: KeyUser[] = ['logs', 'alarms', 'events'];
  const statements = users.map((user) => keyUserStatement(user, { account: OURS, ...place, logGroupArns }));
  return evaluate(keyPolicy(`arn:aws:iam::${OURS}:root`, ...statements), { by, action, resource: KEY, context });
}

const ofGroup = (arn: string) => ({ 'kms:encryptioncontext:aws:logs:arn': arn });

describe('the policy of a key', () => {
  it('leaves it to the account, which can always change it, and to no other', () => {
    for (const action of ['kms:PutKeyPolicy', 'kms:Decrypt', 'kms:ScheduleKeyDeletion']) {
      expect(may(OURS, action, {})).toBe('allow');
      expect(may(OTHER, action, {})).toBe('neither');
    }
  });

  it('lets CloudWatch Logs encrypt log groups of the account and region, and nothing else', () => {
    const logs = 'logs.eu-west-1.amazonaws.com';
    for (const action of ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:DescribeKey'])
      expect(may(logs, action, ofGroup(`arn:aws:logs:eu-west-1:${OURS}:log-group:/aws/vpc/coach-prod`)), action).toBe(
        'allow',
      );
    expect(may(logs, 'kms:Decrypt', ofGroup(`arn:aws:logs:eu-west-1:${OTHER}:log-group:x`))).toBe('neither');
    expect(may(logs, 'kms:Decrypt', {})).toBe('neither');
    expect(may(logs, 'kms:ScheduleKeyDeletion', ofGroup(`arn:aws:logs:eu-west-1:${OURS}:log-group:x`))).toBe('neither');
  });

  it('knows CloudWatch Logs by its name in China', () => {
    const place = { region: 'cn-northwest-1', partition: 'aws-cn' };
    const group = ofGroup(`arn:aws-cn:logs:cn-northwest-1:${OURS}:log-group:x`);
    expect(may('logs.cn-northwest-1.amazonaws.com.cn', 'kms:Encrypt', group, place)).toBe('allow');
  });

  it.each(['cloudwatch.amazonaws.com', 'events.rds.amazonaws.com'])(
    'lets %s publish for this account alone',
    (service) => {
      for (const action of ['kms:Decrypt', 'kms:GenerateDataKey']) {
        expect(may(service, action, { 'aws:sourceaccount': OURS })).toBe('allow');
        expect(may(service, action, { 'aws:sourceaccount': OTHER })).toBe('neither');
      }
      expect(may(service, 'kms:Encrypt', { 'aws:sourceaccount': OURS })).toBe('neither');
    },
  );
});
