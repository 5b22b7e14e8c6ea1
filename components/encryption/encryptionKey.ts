import * as kms from '@pulumi/aws/kms';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { keyPolicy, type KeyUser, type KeyUserArgs, keyUserStatement } from './keyPolicy';

export interface EncryptionKeyArgs {
  aws: AwsContext;
  /** What it encrypts, for whoever finds it in AWS’s console */
  description: string;
  /** Services that use it in their own name. @default [] */
  users?: KeyUser[];
}

/** The longest that KMS offers: without its key, whatever it encrypted is gone. */
const DELETION_WINDOW_DAYS = 30;

/** A key of KMS under an alias, rotated every year. */
export class EncryptionKey extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  readonly keyId: pulumi.Output<string>;

  constructor(name: string, args: EncryptionKeyArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:encryption:Key', name, {}, options);
    const { aws, description, users = [] } = args;
    const { partition, region, accountId } = aws;
    const context: KeyUserArgs<pulumi.Input<string>> = {
      account: accountId,
      region,
      partition,
      logGroupArns: pulumi.interpolate`arn:${partition}:logs:${region}:${accountId}:log-group:*`,
    };
    const policy = keyPolicy<pulumi.Input<string>>(
      pulumi.interpolate`arn:${partition}:iam::${accountId}:root`,
      ...users.map((user) => keyUserStatement(user, context)),
    );
    const key = new kms.Key(
      name,
      {
        description,
        enableKeyRotation: true,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: pulumi.jsonStringify(policy),
      },
      { parent: this, protect: aws.protect },
    );
    new kms.Alias(`${name}-alias`, { name: `alias/${aws.prefix}-${name}`, targetKeyId: key.keyId }, { parent: this });
    this.arn = key.arn;
    this.keyId = key.keyId;
    this.registerOutputs({ arn: this.arn, keyId: this.keyId });
  }
}
