import { CloudWatch } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { EC2 } from '@aws-sdk/client-ec2';
import { ECR } from '@aws-sdk/client-ecr';
import { ECS } from '@aws-sdk/client-ecs';
import { IAM } from '@aws-sdk/client-iam';
import { KMS } from '@aws-sdk/client-kms';
import { Lambda } from '@aws-sdk/client-lambda';
import { RDS } from '@aws-sdk/client-rds';
import { S3 } from '@aws-sdk/client-s3';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SNS } from '@aws-sdk/client-sns';
import { STS } from '@aws-sdk/client-sts';

export const ACCOUNT = '123456789012';
/** ministack takes twelve digits for the account that asks. */
export const CREDENTIALS = { accessKeyId: ACCOUNT, secretAccessKey: 'test' };

export type Clients = ReturnType<typeof clientsOf>;

/** One client of every service against an emulator; `lacking` answers what the first one cannot. */
export function clientsOf(region: string, endpoint: string, lacking?: string) {
  const to = (where: string) => ({ region, endpoint: where, credentials: CREDENTIALS, maxAttempts: 2 });
  const options = to(endpoint);
  return {
    region,
    endpoint,
    cloudwatch: new CloudWatch(options),
    ec2: new EC2(options),
    ecr: new ECR(options),
    ecs: new ECS(options),
    iam: new IAM(options),
    kms: new KMS(options),
    lambda: new Lambda(options),
    logs: new CloudWatchLogs(options),
    rds: new RDS(options),
    s3: new S3({ ...options, forcePathStyle: true }),
    scheduler: new Scheduler(options),
    secrets: new SecretsManager(options),
    sns: new SNS(options),
    sts: new STS(options),
    lacking: lacking === undefined ? undefined : { rds: new RDS(to(lacking)) },
  };
}
