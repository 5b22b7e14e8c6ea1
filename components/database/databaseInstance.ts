import * as cloudwatch from '@pulumi/aws/cloudwatch';
import * as iam from '@pulumi/aws/iam';
import * as rds from '@pulumi/aws/rds';
import * as pulumi from '@pulumi/pulumi';
import { RandomId } from '@pulumi/random';

import type { Parameters } from '../../postgres/spec';
import { renderRds } from '../../postgres/tuning/rds';
import type { AwsContext } from '../aws';
import { trustPolicy } from '../iam/policyDocument';

/** Sizes in GiB, windows in UTC. */
export interface InstanceSettings {
  /** RDS chooses the minor version, and upgrades it in the maintenance window. */
  majorVersion: number;
  storageGb: number;
  /** Where autoscaling ends; equal to `storageGb`: no autoscaling. */
  maxStorageGb: number;
  /** @default gp3's own */
  iops?: number | undefined;
  throughputMb?: number | undefined;
  multiAz: boolean;
  replicas: number;
  backupRetentionDays: number;
  backupWindow: string;
  maintenanceWindow: string;
  /** Of enhanced monitoring; 0: off. */
  monitoringIntervalSeconds: number;
  insights: 'standard' | 'advanced';
  logDays: number;
  /** Both are read only when the instance is made. */
  restoreSnapshot?: string | undefined;
  restorePointInTime?: { instance: string; time: string } | undefined;
}

export interface DatabaseInstanceArgs {
  aws: AwsContext;
  rds: InstanceSettings;
  instanceClass: string;
  /** Another name of administrator or database would replace the instance, which is refused: it is protected. */
  adminUser: string;
  databaseName: string;
  port: number;
  parameters: Parameters;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Encrypts storage, snapshots, insights and the administrator's secret. Another one would replace the instance. */
  keyArn: pulumi.Input<string>;
  /** Encrypts the server's log. */
  operationsKeyArn: pulumi.Input<string>;
}

/** What RDS hands to CloudWatch: the server's log, that of upgrades, and why a login by IAM was refused. */
const LOGS = ['postgresql', 'upgrade', 'iam-db-auth-error'];
/** Days that each mode of Database Insights keeps: the shortest of the one is free, the other has no choice. */
const INSIGHTS_DAYS = { standard: 7, advanced: 465 };
/** The authority of the server's certificate, valid until 2061; clients verify it by the bundle of all of RDS's authorities. */
const CA = 'rds-ca-rsa2048-g1';

/**
 * PostgreSQL on Amazon RDS: private, encrypted, reached with tokens of IAM over TLS alone; the administrator's password is made, kept and rotated by
 * Secrets Manager. Nothing of a restore is looked at once the instance is there.
 */
export class DatabaseInstance extends pulumi.ComponentResource {
  readonly identifier: string;
  readonly address: pulumi.Output<string>;
  readonly port: number;
  readonly arn: pulumi.Output<string>;
  /** `db-ABC`, which the right to connect names (`rds-db:connect`). */
  readonly resourceId: pulumi.Output<string>;
  readonly masterSecretArn: pulumi.Output<string>;
  readonly replicaIdentifiers: string[];
  readonly instance: rds.Instance;

  constructor(
    private readonly name: string,
    private readonly args: DatabaseInstanceArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:database:PostgresInstance', name, {}, options);
    this.identifier = `${args.aws.prefix}-${name}`;
    this.port = args.port;
    const common = this.common();
    this.instance = this.createInstance(common);
    this.replicaIdentifiers = Array.from({ length: args.rds.replicas }, (_, index) =>
      this.createReplica(index + 1, common),
    );
    this.address = this.instance.address;
    this.arn = this.instance.arn;
    this.resourceId = this.instance.resourceId;
    this.masterSecretArn = this.instance.masterUserSecrets.apply(([secret]) => {
      if (secret !== undefined) return secret.secretArn;
      throw new Error(`RDS keeps no secret of the administrator of ${this.identifier}.`);
    });
    this.registerOutputs({ identifier: this.identifier, address: this.address, resourceId: this.resourceId });
  }

  /** What the instance and its replicas share. */
  private common() {
    const { rds: settings, instanceClass, keyArn, securityGroupId, port } = this.args;
    const { monitoringIntervalSeconds } = settings;
    return {
      instanceClass,
      // RDS chooses among the major's minors; the provider compares no further than what is written here.
      engineVersion: String(settings.majorVersion),
      // Without it a major that the community has ended is billed by the hour.
      engineLifecycleSupport: 'open-source-rds-extended-support-disabled',
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: true,
      // Whoever confirms a preview expects what it shows; the window is for what RDS does by itself.
      applyImmediately: true,
      storageType: 'gp3',
      ...(settings.maxStorageGb > settings.storageGb ? { maxAllocatedStorage: settings.maxStorageGb } : {}),
      ...(settings.iops === undefined ? {} : { iops: settings.iops }),
      ...(settings.throughputMb === undefined ? {} : { storageThroughput: settings.throughputMb }),
      storageEncrypted: true,
      kmsKeyId: keyArn,
      port,
      publiclyAccessible: false,
      vpcSecurityGroupIds: [securityGroupId],
      iamDatabaseAuthenticationEnabled: true,
      caCertIdentifier: CA,
      parameterGroupName: this.createParameterGroup(),
      maintenanceWindow: settings.maintenanceWindow,
      copyTagsToSnapshot: true,
      enabledCloudwatchLogsExports: LOGS,
      monitoringInterval: monitoringIntervalSeconds,
      ...(monitoringIntervalSeconds === 0 ? {} : { monitoringRoleArn: this.createMonitoringRole() }),
      databaseInsightsMode: settings.insights,
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: keyArn,
      performanceInsightsRetentionPeriod: INSIGHTS_DAYS[settings.insights],
    } satisfies rds.InstanceArgs;
  }

  private createInstance(common: ReturnType<DatabaseInstance['common']>): rds.Instance {
    const { aws, rds: settings, adminUser, databaseName, subnetIds, keyArn } = this.args;
    const { storageGb, restoreSnapshot, restorePointInTime } = settings;
    const subnets = new rds.SubnetGroup(
      this.name,
      { description: 'Private subnets of the database', subnetIds },
      { parent: this },
    );
    // Two snapshots of one name cannot be, and an instance of the same name may have left one.
    const unique = new RandomId(`${this.name}-final-snapshot`, { byteLength: 4 }, { parent: this });
    return new rds.Instance(
      this.name,
      {
        ...common,
        identifier: this.identifier,
        engine: 'postgres',
        allocatedStorage: storageGb,
        // A restored instance brings its own.
        ...(restorePointInTime === undefined ? { dbName: databaseName } : {}),
        username: adminUser,
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: keyArn,
        multiAz: settings.multiAz,
        dbSubnetGroupName: subnets.name,
        backupRetentionPeriod: settings.backupRetentionDays,
        backupWindow: settings.backupWindow,
        deleteAutomatedBackups: false,
        deletionProtection: aws.protect,
        skipFinalSnapshot: false,
        finalSnapshotIdentifier: pulumi.interpolate`${this.identifier}-final-${unique.hex}`,
        ...(restoreSnapshot === undefined ? {} : { snapshotIdentifier: restoreSnapshot }),
        ...(restorePointInTime === undefined ? {} : { restoreToPointInTime: pointInTime(restorePointInTime) }),
      },
      {
        parent: this,
        // Deletion protection alone lets a destroy take everything that depends on the instance first.
        protect: aws.protect,
        dependsOn: this.createLogGroups(this.name, this.identifier),
        ignoreChanges: ['snapshotIdentifier', 'restoreToPointInTime'],
      },
    );
  }

  /** Holds nothing of its own, so it is neither protected nor backed up. */
  private createReplica(number: number, common: ReturnType<DatabaseInstance['common']>): string {
    const name = `${this.name}-replica-${number}`;
    const identifier = `${this.identifier}-replica-${number}`;
    new rds.Instance(
      name,
      {
        ...common,
        identifier,
        replicateSourceDb: this.instance.identifier,
        multiAz: false,
        backupRetentionPeriod: 0,
        deletionProtection: false,
        // There is no snapshot of a replica.
        skipFinalSnapshot: true,
      },
      { parent: this, dependsOn: this.createLogGroups(name, identifier) },
    );
    return identifier;
  }

  /** Before the instance: RDS would make them without an end and without the key. */
  private createLogGroups(name: string, identifier: string): cloudwatch.LogGroup[] {
    const { rds: settings, operationsKeyArn } = this.args;
    return LOGS.map(
      (log) =>
        new cloudwatch.LogGroup(
          `${name}-${log}`,
          {
            name: `/aws/rds/instance/${identifier}/${log}`,
            retentionInDays: settings.logDays,
            kmsKeyId: operationsKeyArn,
          },
          { parent: this },
        ),
    );
  }

  /** Of another major it is another group, made before the upgrade and removed after it. */
  private createParameterGroup(): pulumi.Output<string> {
    const { rds: settings, parameters } = this.args;
    const { majorVersion: major } = settings;
    const group = new rds.ParameterGroup(
      `${this.name}-parameters`,
      {
        family: `postgres${major}`,
        description: 'Server parameters of the stack',
        parameters: renderRds(parameters, { major }).parameters,
      },
      { parent: this },
    );
    return group.name;
  }

  private createMonitoringRole(): pulumi.Output<string> {
    const { aws } = this.args;
    const name = `${this.name}-monitoring`;
    const role = new iam.Role(
      name,
      {
        description: 'Enhanced monitoring of the database',
        assumeRolePolicy: pulumi.jsonStringify(
          trustPolicy<pulumi.Input<string>>('monitoring.rds.amazonaws.com', aws.accountId),
        ),
      },
      { parent: this },
    );
    const attached = new iam.RolePolicyAttachment(
      name,
      {
        role: role.name,
        policyArn: `arn:${aws.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole`,
      },
      { parent: this },
    );
    // RDS tries the role when the instance is made.
    return pulumi.all([role.arn, attached.id]).apply(([arn]) => arn);
  }
}

const pointInTime = ({
  instance,
  time,
}: {
  instance: string;
  time: string;
}): rds.InstanceArgs['restoreToPointInTime'] => ({
  sourceDbInstanceIdentifier: instance,
  ...(time === 'latest' ? { useLatestRestorableTime: true } : { restoreTime: time }),
});
