import { type PolicyDocument, policyDocument, type Statement } from '../iam/policyDocument';

/** What the policy of the function speaks of: ARNs, of `T`. */
export interface FunctionArns<T> {
  function: T;
  logStreams: T;
  masterSecret: T;
  databaseKey: T;
  operationsKey: T;
  /** Every archive of migrations. */
  archives: T;
  /** Of whoever migrates; `rds-db` knows the instance by its resource id. */
  login: T;
}

/** `secretsmanager.eu-west-1.amazonaws.com`: a key is used through it alone. */
interface Services {
  s3: string;
  secretsManager: string;
}

/** Lambda makes and removes the function's network interfaces as the function's role. EC2 takes no resource for most of these. */
const INTERFACES = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/** What the migration function may do: be run by Lambda, read the administrator's secret and the archives, log in as whoever migrates. */
export const functionPolicy = <T>(arns: FunctionArns<T>, services: Services): PolicyDocument<T | '*'> =>
  policyDocument<T | '*'>(
    allow('Log', ['logs:CreateLogStream', 'logs:PutLogEvents'], arns.logStreams),
    allow('Traces', ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*'),
    allow('Interfaces', INTERFACES, '*'),
    {
      // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: Lambda needs them, the code in the function does not.
      ...allow<T | '*'>('InterfacesAreLambdas', INTERFACES, '*'),
      Effect: 'Deny',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': arns.function } },
    },
    allow('Administrator', 'secretsmanager:GetSecretValue', arns.masterSecret),
    keyThrough('AdministratorKey', arns.databaseKey, services.secretsManager),
    allow('Archives', 's3:GetObject', arns.archives),
    keyThrough('ArchivesKey', arns.operationsKey, services.s3),
    {
      ...allow('EnvironmentKey', 'kms:Decrypt', arns.operationsKey),
      Condition: { StringEquals: { 'kms:EncryptionContext:aws:lambda:FunctionArn': arns.function } },
    },
    allow('Login', 'rds-db:connect', arns.login),
  );

const allow = <T>(Sid: string, Action: string | string[], Resource: T): Statement<T> => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
});

const keyThrough = <T>(sid: string, key: T, service: string): Statement<T> => ({
  ...allow(sid, 'kms:Decrypt', key),
  Condition: { StringEquals: { 'kms:ViaService': service } },
});
