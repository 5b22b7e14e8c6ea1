import * as cloudwatch from '@pulumi/aws/cloudwatch';
import * as iam from '@pulumi/aws/iam';
import * as rds from '@pulumi/aws/rds';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { policyDocument, trustPolicy } from '../iam/policyDocument';
import { PROXY_PORT } from '../network/reachability';
import type { DatabaseInstance } from './databaseInstance';
import { connectionPoolConfig, type PoolConfigArgs } from './poolConfig';

export interface DatabaseProxyArgs extends PoolConfigArgs {
  aws: AwsContext;
  instance: Pick<DatabaseInstance, 'identifier' | 'resourceId' | 'instance'>;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  logDays: number;
  logKeyArn: pulumi.Input<string>;
  /** Roles of PostgreSQL that it may log in as; whoever asks for another one is turned away. */
  roles: readonly string[];
}

/** Longer than any pool keeps an idle connection, so that a pool's own rule decides. */
const IDLE_CLIENT_SECONDS = 1800;

/** RDS Proxy in front of the instance: many clients share few connections. It is logged in to with tokens of IAM, and logs in with its own. */
export class DatabaseProxy extends pulumi.ComponentResource {
  readonly proxyName: string;
  readonly endpoint: pulumi.Output<string>;
  readonly port = PROXY_PORT;
  /** `prx-ABC`, which the right to connect names (`rds-db:connect`). */
  readonly resourceId: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: DatabaseProxyArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:database:Proxy', name, {}, options);
    const { aws, instance, subnetIds, securityGroupId } = args;
    this.proxyName = `${aws.prefix}-${name}`;
    const { role, policy } = this.createRole();
    const logs = new cloudwatch.LogGroup(
      `${name}-log`,
      { name: `/aws/rds/proxy/${this.proxyName}`, retentionInDays: args.logDays, kmsKeyId: args.logKeyArn },
      { parent: this },
    );
    const proxy = new rds.Proxy(
      name,
      {
        name: this.proxyName,
        engineFamily: 'POSTGRESQL',
        defaultAuthScheme: 'IAM_AUTH',
        requireTls: true,
        // It would write statements, and with them what they hold, into the log.
        debugLogging: false,
        idleClientTimeout: IDLE_CLIENT_SECONDS,
        roleArn: role.arn,
        vpcSubnetIds: subnetIds,
        vpcSecurityGroupIds: [securityGroupId],
      },
      { parent: this, dependsOn: [logs, policy] },
    );
    const targets = new rds.ProxyDefaultTargetGroup(
      `${name}-targets`,
      { dbProxyName: proxy.name, connectionPoolConfig: connectionPoolConfig(args) },
      { parent: this },
    );
    new rds.ProxyTarget(
      `${name}-target`,
      {
        dbProxyName: proxy.name,
        targetGroupName: targets.name,
        dbInstanceIdentifier: instance.instance.identifier,
      },
      { parent: this },
    );
    this.endpoint = proxy.endpoint;
    this.resourceId = proxy.arn.apply((arn) => arn.slice(arn.lastIndexOf(':') + 1));
    this.registerOutputs({ endpoint: this.endpoint, resourceId: this.resourceId });
  }

  private createRole(): { role: iam.Role; policy: iam.RolePolicy } {
    const { aws, instance, roles } = this.args;
    const { partition, region, accountId } = aws;
    const role = new iam.Role(
      `${this.name}-role`,
      {
        description: 'The proxy logs in to the database',
        assumeRolePolicy: pulumi.jsonStringify(trustPolicy<pulumi.Input<string>>('rds.amazonaws.com')),
      },
      { parent: this },
    );
    const policy = new iam.RolePolicy(
      `${this.name}-role`,
      {
        role: role.name,
        policy: pulumi.jsonStringify(
          policyDocument<pulumi.Input<string>>({
            Effect: 'Allow',
            Action: 'rds-db:connect',
            Resource: roles.map(
              (name) =>
                pulumi.interpolate`arn:${partition}:rds-db:${region}:${accountId}:dbuser:${instance.resourceId}/${name}`,
            ),
          }),
        ),
      },
      { parent: this },
    );
    return { role, policy };
  }
}
