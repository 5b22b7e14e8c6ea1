import { type PropertyMap, type PropertyValue, Secret } from '../state/values';

/** Who deploys is not known offline. */
const ACCOUNT = '‹account›';

/** What an entry of the table answers from. */
interface Declared {
  /** An input as text, or the symbol that stands for it. */
  read: (property: string) => string;
  symbol: (output: string) => string;
  inputs: PropertyMap;
  /** An ARN in the region and partition of the resource's provider, of whoever deploys. */
  arn: (service: string, resource: string) => string;
  region: string;
}

type Symbols = (declared: Declared) => PropertyMap;

/** Resources that a graph's other resources know by nothing but their name. */
const named: Symbols = ({ read }) => ({ name: read('name') });
const arnOf =
  (service: string, resource: (declared: Declared) => string): Symbols =>
  (declared) => ({ arn: declared.arn(service, resource(declared)) });
/** Types whose ARN ends with their name. */
const namedArn =
  (service: string, kind: string): Symbols =>
  (declared) => ({ ...named(declared), ...arnOf(service, ({ read }) => `${kind}${read('name')}`)(declared) });

/**
 * What a provider would answer, as text that says where it comes from: a policy built from a bucket's arn stays readable and
 * checkable offline. Outputs without an entry stay unknown.
 */
const TABLE: Record<string, Symbols> = {
  'random:index/randomPassword:RandomPassword': ({ symbol }) => ({ result: new Secret(symbol('result')) }),
  'random:index/randomId:RandomId': ({ symbol }) => ({ hex: symbol('hex') }),
  'aws:s3/bucket:Bucket': ({ read, arn, region }) => ({
    bucket: read('bucket'),
    arn: arn('s3', read('bucket')),
    bucketDomainName: `${read('bucket')}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${read('bucket')}.s3.${region}.amazonaws.com`,
  }),
  'aws:kms/key:Key': ({ symbol, arn }) => ({ keyId: symbol('keyId'), arn: arn('kms', `key/${symbol('keyId')}`) }),
  'aws:kms/alias:Alias': namedArn('kms', ''),
  'aws:iam/role:Role': namedArn('iam', 'role/'),
  'aws:iam/policy:Policy': namedArn('iam', 'policy/'),
  'aws:sns/topic:Topic': namedArn('sns', ''),
  'aws:lambda/function:Function': ({ read, symbol, arn, region }) => ({
    name: read('name'),
    arn: arn('lambda', `function:${read('name')}`),
    qualifiedArn: arn('lambda', `function:${read('name')}:${symbol('version')}`),
    invokeArn: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn('lambda', `function:${read('name')}`)}/invocations`,
    version: symbol('version'),
  }),
  'aws:lambda/invocation:Invocation': ({ symbol }) => ({ result: symbol('result') }),
  'aws:rds/instance:Instance': ({ read, symbol, arn, inputs }) => {
    const port = typeof inputs['port'] === 'number' ? inputs['port'] : 5432;
    return {
      identifier: read('identifier'),
      address: symbol('address'),
      port,
      endpoint: `${symbol('address')}:${port}`,
      arn: arn('rds', `db:${read('identifier')}`),
      resourceId: symbol('resourceId'),
      masterUserSecrets: [
        {
          secretArn: arn('secretsmanager', `secret:rds!${symbol('masterUserSecret')}`),
          secretStatus: 'active',
          kmsKeyId: read('masterUserSecretKmsKeyId'),
        },
      ],
    };
  },
  'aws:rds/parameterGroup:ParameterGroup': namedArn('rds', 'pg:'),
  'aws:rds/subnetGroup:SubnetGroup': namedArn('rds', 'subgrp:'),
  'aws:rds/proxy:Proxy': ({ read, symbol, arn }) => ({
    name: read('name'),
    arn: arn('rds', `db-proxy:${symbol('resourceId')}`),
    endpoint: symbol('endpoint'),
  }),
  'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup': ({ symbol, arn }) => ({
    name: 'default',
    arn: arn('rds', `target-group:${symbol('resourceId')}`),
  }),
  'aws:rds/eventSubscription:EventSubscription': namedArn('rds', 'es:'),
  'aws:secretsmanager/secret:Secret': namedArn('secretsmanager', 'secret:'),
  'aws:cloudwatch/logGroup:LogGroup': namedArn('logs', 'log-group:'),
  'aws:cloudwatch/metricAlarm:MetricAlarm': namedArn('cloudwatch', 'alarm:'),
  'aws:cloudwatch/eventRule:EventRule': namedArn('events', 'rule/'),
  'aws:ec2/vpc:Vpc': ({ symbol, arn }) => ({ arn: arn('ec2', `vpc/${symbol('id')}`) }),
  'aws:ec2/subnet:Subnet': ({ symbol, arn }) => ({ arn: arn('ec2', `subnet/${symbol('id')}`) }),
  'aws:ec2/securityGroup:SecurityGroup': ({ read, symbol, arn }) => ({
    name: read('name'),
    arn: arn('ec2', `security-group/${symbol('id')}`),
  }),
  'aws:ec2/vpcEndpoint:VpcEndpoint': ({ symbol, arn }) => ({
    arn: arn('ec2', `vpc-endpoint/${symbol('id')}`),
    prefixListId: symbol('prefixListId'),
  }),
  'aws:ecs/cluster:Cluster': namedArn('ecs', 'cluster/'),
  'aws:ecs/taskDefinition:TaskDefinition': ({ read, symbol, arn }) => ({
    family: read('family'),
    revision: symbol('revision'),
    arn: arn('ecs', `task-definition/${read('family')}:${symbol('revision')}`),
    arnWithoutRevision: arn('ecs', `task-definition/${read('family')}`),
  }),
  'aws:ecr/repository:Repository': ({ read, arn, region }) => ({
    name: read('name'),
    arn: arn('ecr', `repository/${read('name')}`),
    registryId: ACCOUNT,
    repositoryUrl: `${ACCOUNT}.dkr.ecr.${region}.amazonaws.com${partitionOf(region) === 'aws-cn' ? '.cn' : ''}/${read('name')}`,
  }),
  'aws:scheduler/schedule:Schedule': namedArn('scheduler', 'schedule/'),
  'aws:scheduler/scheduleGroup:ScheduleGroup': namedArn('scheduler', 'schedule-group/'),
};

/** IAM is one for all regions, and S3's names are one namespace for all accounts. */
const WITHOUT_REGION = ['iam', 's3'];

/** What a function answers where the settings name nothing (`coach:graph`): who deploys is not known offline. */
const ANSWERS: Record<string, PropertyMap> = {
  'aws:index/getCallerIdentity:getCallerIdentity': { accountId: ACCOUNT },
};

export const symbolicAnswer = (token: string): PropertyMap | undefined => ANSWERS[token];

/** `region` is that of the resource's provider, where it is known. */
export function symbolicOutputs(type: string, name: string, inputs: PropertyMap, region = '‹region›'): PropertyMap {
  const entry = TABLE[type];
  if (entry === undefined) return {};
  const symbol = (output: string): string => `‹${name}.${output}›`;
  const read = (property: string): string => {
    const value: PropertyValue | undefined = inputs[property];
    return typeof value === 'string' ? value : symbol(property);
  };
  const arn = (service: string, resource: string): string => {
    const place = WITHOUT_REGION.includes(service) ? '' : region;
    return `arn:${partitionOf(region)}:${service}:${place}:${service === 's3' ? '' : ACCOUNT}:${resource}`;
  };
  return entry({ read, symbol, inputs, arn, region });
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
