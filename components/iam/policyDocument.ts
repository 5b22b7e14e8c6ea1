/** A policy of IAM's language, of `T`: texts, or what the provider will answer. */
export interface PolicyDocument<T = string> {
  Version: '2012-10-17';
  Statement: Statement<T>[];
}

export interface Statement<T = string> {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  /** Absent in a policy of a role: that role. */
  Principal?: '*' | { AWS: T } | { Service: string | string[] };
  Action: string | string[];
  /** Absent in a trust policy: the role itself. */
  Resource?: T | T[];
  Condition?: Record<string, Record<string, string | T>>;
}

export const policyDocument = <T>(...statements: Statement<T>[]): PolicyDocument<T> => ({
  Version: '2012-10-17',
  Statement: statements,
});

/**
 * Who may assume a role: one service, for this account alone where the service says whom it acts for (`account`). Some do not
 * (Lambda, RDS Proxy), and could then never assume it.
 */
export function trustPolicy<T>(service: string, account?: T): PolicyDocument<T> {
  return policyDocument<T>({
    Effect: 'Allow',
    Principal: { Service: service },
    Action: 'sts:AssumeRole',
    ...(account === undefined ? {} : { Condition: { StringEquals: { 'aws:SourceAccount': account } } }),
  });
}
