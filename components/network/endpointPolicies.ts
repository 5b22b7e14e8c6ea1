import { type PolicyDocument, policyDocument } from '../iam/policyDocument';

/** A service with an interface endpoint, and what this account may ask of it there. */
export interface InterfaceService {
  /** After `com.amazonaws.REGION.`. */
  service: string;
  name: string;
  actions: string[];
  /** In China it begins with `cn.com.amazonaws`, as some there do. */
  ownNameInChina?: true;
}

/**
 * What functions and tasks call from inside the network; each costs by the hour and zone. KMS, RDS, X-Ray and the logs of a function are not among
 * them: services decrypt for the caller, tokens are signed on the spot, and Lambda sends logs and traces itself.
 */
export const INTERFACE_SERVICES: readonly InterfaceService[] = [
  {
    service: 'secretsmanager',
    name: 'secrets',
    actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
  },
  // Of the task: its log driver and the pull of its image go through its own network interface.
  { service: 'logs', name: 'logs', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'] },
  ...(['ecr.api', 'ecr.dkr'] as const).map((service) => ({
    service,
    name: service.replace('.', '-'),
    ownNameInChina: true as const,
    actions: [
      'ecr:GetAuthorizationToken',
      'ecr:BatchCheckLayerAvailability',
      'ecr:BatchGetImage',
      'ecr:GetDownloadUrlForLayer',
    ],
  })),
];

/** Only this account's own callers: with another account's credentials nothing can be carried out through the endpoint. */
export function interfacePolicy<T>(actions: string[], account: T): PolicyDocument<T | '*'> {
  return policyDocument<T | '*'>({
    Sid: 'OwnAccount',
    Effect: 'Allow',
    Principal: '*',
    Action: actions,
    Resource: '*',
    Condition: { StringEquals: { 'aws:PrincipalAccount': account } },
  });
}

/** Buckets of this account, and the one in which ECR keeps the layers of its images. */
export function s3EndpointPolicy<T>(account: T, layersArn: T): PolicyDocument<T | '*'> {
  return policyDocument<T | '*'>(
    {
      Sid: 'OwnBuckets',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:Get*', 's3:List*', 's3:PutObject*', 's3:DeleteObject*', 's3:AbortMultipartUpload'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:PrincipalAccount': account, 'aws:ResourceAccount': account } },
    },
    {
      // Asked for by address signed by ECR, which is no caller of this account.
      Sid: 'LayersOfImages',
      Effect: 'Allow',
      Principal: '*',
      Action: 's3:GetObject',
      Resource: layersArn,
    },
  );
}
