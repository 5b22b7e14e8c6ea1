import type * as pulumi from '@pulumi/pulumi';

/** What every AWS component is told of where it lies. Plain values decide structure; the account is the provider's answer. */
export interface AwsContext {
  region: string;
  partition: 'aws' | 'aws-cn' | 'aws-us-gov';
  accountId: pulumi.Output<string>;
  /** `coach-prod`, project and stack: begins the physical names that something else is told before they exist. */
  prefix: string;
  /** The provider's default tags: everything has them. */
  tags: Record<string, string>;
  /** False: database, keys and buckets may be deleted, which is how a stack is torn down. */
  protect: boolean;
}
