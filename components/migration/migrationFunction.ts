import { createHash } from 'node:crypto';

import { LogGroup } from '@pulumi/aws/cloudwatch';
import { Role, RolePolicy } from '@pulumi/aws/iam';
import * as lambda from '@pulumi/aws/lambda';
import { BucketObjectv2 } from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';

import { type MigrationRequest, sentSpec } from '../../postgres/apply/request';
import { packMigrations } from '../../postgres/migrations/archive';
import type { DatabaseSpec } from '../../postgres/spec';
import type { AwsContext } from '../aws';
import { trustPolicy } from '../iam/policyDocument';
import type { PrivateBucket } from '../storage/privateBucket';
import { type Bundle, readBundle } from './bundle';
import { functionPolicy } from './functionPolicies';

export interface MigrationFunctionArgs {
  aws: AwsContext;
  /** What is applied, with the migrations of its folder. */
  spec: DatabaseSpec;
  /** The folder of the built code. */
  bundle: string;
  subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  securityGroupId: pulumi.Input<string>;
  database: {
    address: pulumi.Input<string>;
    port: number;
    resourceId: pulumi.Input<string>;
    masterSecretArn: pulumi.Input<string>;
    /** Encrypts the administrator's secret. */
    keyArn: pulumi.Input<string>;
  };
  /** Encrypts log, environment and archives. */
  operationsKeyArn: pulumi.Input<string>;
  logDays: number;
  artifacts: PrivateBucket;
  /** What has to stand before it is invoked: the instance, and the way to everything that the function talks to. */
  needs: pulumi.Resource[];
}

/** As long as Lambda lets anything run. */
export const TIME_LIMIT_SECONDS = 900;
const MEMORY_MB = 512;

/**
 * The function that brings the database to its declaration from inside the network, and its invocation: whenever the declaration, a migration or the
 * code is another one. Nobody else may invoke it but who has that right from IAM; two never run at once.
 */
export class MigrationFunction extends pulumi.ComponentResource {
  readonly functionName: string;
  readonly functionArn: pulumi.Output<string>;
  /** Depend on it for what needs the database's objects. */
  readonly invocation: lambda.Invocation;
  /** The function's report, as JSON. */
  readonly result: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: MigrationFunctionArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:migration:Function', name, {}, options);
    this.functionName = `${args.aws.prefix}-migration`;
    const logGroup = this.createLogGroup();
    const { role, policy } = this.createRole(logGroup);
    const bundle = readBundle(args.bundle);
    const code = this.createFunction(bundle, role, [logGroup, policy]);
    this.functionArn = code.arn;
    this.invocation = this.createInvocation(code, bundle);
    this.result = this.invocation.result;
    this.registerOutputs({ functionName: this.functionName, functionArn: this.functionArn });
  }

  /** Before the function, which would make one itself that keeps everything for ever. */
  private createLogGroup(): LogGroup {
    const { logDays: retentionInDays, operationsKeyArn: kmsKeyId } = this.args;
    const name = `/aws/lambda/${this.functionName}`;
    return new LogGroup(`${this.name}-log`, { name, retentionInDays, kmsKeyId }, { parent: this });
  }

  private createRole(logGroup: LogGroup): { role: Role; policy: RolePolicy } {
    const { aws, database, artifacts, operationsKeyArn, spec } = this.args;
    const { partition, region, accountId } = aws;
    const here = (service: string, resource: pulumi.Input<string>): pulumi.Output<string> =>
      pulumi.interpolate`arn:${partition}:${service}:${region}:${accountId}:${resource}`;
    const suffix = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
    const role = new Role(
      `${this.name}-role`,
      {
        description: 'Brings the database to its declaration',
        assumeRolePolicy: JSON.stringify(trustPolicy('lambda.amazonaws.com')),
      },
      { parent: this },
    );
    const document = functionPolicy<pulumi.Input<string>>(
      {
        function: here('lambda', `function:${this.functionName}`),
        logStreams: pulumi.interpolate`${logGroup.arn}:log-stream:*`,
        masterSecret: database.masterSecretArn,
        databaseKey: database.keyArn,
        operationsKey: operationsKeyArn,
        archives: pulumi.interpolate`${artifacts.arn}/migrations/*`,
        login: here('rds-db', pulumi.interpolate`dbuser:${database.resourceId}/${spec.migrations.login}`),
      },
      { s3: `s3.${region}.${suffix}`, secretsManager: `secretsmanager.${region}.${suffix}` },
    );
    const policy = new RolePolicy(
      `${this.name}-role-policy`,
      { role: role.name, policy: pulumi.jsonStringify(document) },
      { parent: this },
    );
    return { role, policy };
  }

  private createFunction({ code }: Bundle, role: Role, dependsOn: pulumi.Resource[]): lambda.Function {
    const { spec, database, artifacts, operationsKeyArn, subnetIds, securityGroupId } = this.args;
    return new lambda.Function(
      this.name,
      {
        name: this.functionName,
        description: 'Applies the declaration of the database and its migrations',
        role: role.arn,
        runtime: 'nodejs24.x',
        handler: 'index.handler',
        architectures: ['arm64'],
        code,
        memorySize: MEMORY_MB,
        timeout: TIME_LIMIT_SECONDS,
        reservedConcurrentExecutions: 1,
        tracingConfig: { mode: 'Active' },
        loggingConfig: { logFormat: 'JSON', logGroup: `/aws/lambda/${this.functionName}` },
        vpcConfig: { subnetIds, securityGroupIds: [securityGroupId] },
        kmsKeyArn: operationsKeyArn,
        environment: {
          variables: {
            COACH_STACK: pulumi.getStack(),
            COACH_DATABASE_HOST: database.address,
            COACH_DATABASE_PORT: String(database.port),
            COACH_DATABASE_NAME: spec.name,
            COACH_MASTER_SECRET: database.masterSecretArn,
            COACH_ARTIFACTS_BUCKET: artifacts.bucketName,
          },
        },
      },
      { parent: this, dependsOn },
    );
  }

  /** Its input is plain, so that a preview shows what changes in the database's description. */
  private createInvocation(code: lambda.Function, { sha256 }: Bundle): lambda.Invocation {
    const { spec, artifacts, needs } = this.args;
    const { key, sha256: contents, text } = packMigrations(spec.migrations.directory);
    const archive = new BucketObjectv2(
      `${this.name}-archive`,
      {
        bucket: artifacts.bucketName,
        key,
        source: new pulumi.asset.StringAsset(text),
        contentType: 'application/json',
      },
      { parent: this },
    );
    const request: MigrationRequest = {
      action: 'apply',
      spec: sentSpec(spec),
      migrations: { key, sha256: contents },
    };
    const input = JSON.stringify(request);
    return new lambda.Invocation(
      `${this.name}-apply`,
      {
        functionName: code.name,
        input,
        triggers: { input: createHash('sha256').update(input).digest('hex'), code: sha256 },
      },
      { parent: this, dependsOn: [archive, ...needs] },
    );
  }
}
