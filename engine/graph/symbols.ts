import { type PropertyMap, type PropertyValue, Secret } from '../state/values';

/** Reads an input as text, or gives the symbol that stands for it. */
type Symbols = (read: (property: string) => string, symbol: (output: string) => string) => PropertyMap;

/**
 * What a provider would answer, as text that says where it comes from: a policy built from a bucket's arn stays readable and
 * checkable offline. Outputs without an entry stay unknown.
 */
const TABLE: Record<string, Symbols> = {
  'random:index/randomPassword:RandomPassword': (_read, symbol) => ({ result: new Secret(symbol('result')) }),
  'aws:s3/bucket:Bucket': (read) => ({
    bucket: read('bucket'),
    arn: `arn:aws:s3:::${read('bucket')}`,
    bucketDomainName: `${read('bucket')}.s3.amazonaws.com`,
  }),
  'aws:kms/key:Key': (_read, symbol) => ({
    keyId: symbol('keyId'),
    arn: `arn:aws:kms:${symbol('region')}:${symbol('account')}:key/${symbol('keyId')}`,
  }),
  'aws:iam/role:Role': (read, symbol) => ({
    arn: `arn:aws:iam::${symbol('account')}:role/${read('name')}`,
    name: read('name'),
  }),
  'aws:iam/policy:Policy': (read, symbol) => ({ arn: `arn:aws:iam::${symbol('account')}:policy/${read('name')}` }),
  'aws:sns/topic:Topic': (read, symbol) => ({
    arn: `arn:aws:sns:${symbol('region')}:${symbol('account')}:${read('name')}`,
  }),
  'aws:lambda/function:Function': (read, symbol) => ({
    arn: `arn:aws:lambda:${symbol('region')}:${symbol('account')}:function:${read('name')}`,
    name: read('name'),
  }),
  'aws:rds/instance:Instance': (read, symbol) => ({
    identifier: read('identifier'),
    address: symbol('address'),
    endpoint: `${symbol('address')}:5432`,
    arn: `arn:aws:rds:${symbol('region')}:${symbol('account')}:db:${read('identifier')}`,
    resourceId: symbol('resourceId'),
  }),
  'aws:secretsmanager/secret:Secret': (read, symbol) => ({
    arn: `arn:aws:secretsmanager:${symbol('region')}:${symbol('account')}:secret:${read('name')}`,
  }),
  'aws:cloudwatch/logGroup:LogGroup': (read, symbol) => ({
    arn: `arn:aws:logs:${symbol('region')}:${symbol('account')}:log-group:${read('name')}`,
    name: read('name'),
  }),
};

/** What a function answers where the settings name nothing (`coach:graph`): who deploys is not known offline. */
const ANSWERS: Record<string, PropertyMap> = {
  'aws:index/getCallerIdentity:getCallerIdentity': { accountId: '‹account›' },
};

export const symbolicAnswer = (token: string): PropertyMap | undefined => ANSWERS[token];

export function symbolicOutputs(type: string, name: string, inputs: PropertyMap): PropertyMap {
  const entry = TABLE[type];
  if (entry === undefined) return {};
  const symbol = (output: string): string => `‹${name}.${output}›`;
  const read = (property: string): string => {
    const value: PropertyValue | undefined = inputs[property];
    return typeof value === 'string' ? value : symbol(property);
  };
  return entry(read, symbol);
}
