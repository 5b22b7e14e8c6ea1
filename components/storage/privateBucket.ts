import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { privateBucketPolicy } from '../backup/bucketPolicies';
import { deletionRules } from '../backup/lifecycle';
import {
  arnsOf,
  createAccessLog,
  createBucket,
  createEncryption,
  createLifecycle,
  createPolicy,
  createVersioning,
} from './bucketParts';

export interface PrivateBucketArgs {
  aws: Pick<AwsContext, 'accountId' | 'protect'>;
  /** Encrypts what is in it. */
  keyArn: pulumi.Input<string>;
  /**
   * Days for which a deleted object can be brought back.
   * @default 30
   */
  deletedDays?: number;
}

/** A bucket for what can be made again: closed to the public, encrypted, with versions and a log of requests. Nobody gets any right here; whoever reads has it from IAM. */
export class PrivateBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PrivateBucketArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:storage:Bucket', name, {}, options);
    const part = { name, parent: this };
    const bucket = createBucket(part, { protect: args.aws.protect });
    const versioning = createVersioning(part, bucket);
    createLifecycle(part, bucket, deletionRules(args.deletedDays ?? 30), [versioning]);
    createEncryption(part, bucket, args.keyArn);
    createPolicy(part, bucket, privateBucketPolicy(arnsOf(bucket)));
    createAccessLog(part, bucket, { aws: args.aws });
    this.bucketName = bucket.bucket;
    this.arn = bucket.arn;
    this.registerOutputs({ bucketName: this.bucketName, arn: this.arn });
  }
}
