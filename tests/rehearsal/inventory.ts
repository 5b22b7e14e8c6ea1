import type { Clients } from './clients';

type Listed = readonly (string | undefined)[] | undefined;

/**
 * Everything of the account that one pays for, is named by or could be left behind: `KIND NAME`, sorted. What AWS keeps for everybody (default VPC, its own
 * policies and parameter groups) is there as well; tests compare with what was there before.
 */
export async function inventory(clients: Clients): Promise<string[]> {
  const { cloudwatch, ec2, ecr, ecs, iam, kms, lacking, lambda, logs, rds, s3, scheduler, secrets, sns } = clients;
  const lists: Record<string, () => Promise<Listed>> = {
    alarm: async () => (await cloudwatch.describeAlarms({})).MetricAlarms?.map(({ AlarmName }) => AlarmName),
    bucket: async () => (await s3.listBuckets({})).Buckets?.map(({ Name }) => Name),
    cluster: async () => (await ecs.listClusters({})).clusterArns,
    endpoint: async () => (await ec2.describeVpcEndpoints({})).VpcEndpoints?.map(({ VpcEndpointId }) => VpcEndpointId),
    'event subscription': async () =>
      (await lacking?.rds.describeEventSubscriptions({}))?.EventSubscriptionsList?.map((one) => one.CustSubscriptionId),
    'flow log': async () => (await ec2.describeFlowLogs({})).FlowLogs?.map(({ FlowLogId }) => FlowLogId),
    function: async () => (await lambda.listFunctions({})).Functions?.map(({ FunctionName }) => FunctionName),
    instance: async () => (await rds.describeDBInstances({})).DBInstances?.map((one) => one.DBInstanceIdentifier),
    'key alias': async () => (await kms.listAliases({})).Aliases?.map(({ AliasName }) => AliasName),
    'log group': async () => (await logs.describeLogGroups({})).logGroups?.map(({ logGroupName }) => logGroupName),
    'parameter group': async () =>
      (await rds.describeDBParameterGroups({})).DBParameterGroups?.map((one) => one.DBParameterGroupName),
    policy: async () => (await iam.listPolicies({ Scope: 'Local' })).Policies?.map(({ PolicyName }) => PolicyName),
    proxy: async () => (await rds.describeDBProxies({})).DBProxies?.map(({ DBProxyName }) => DBProxyName),
    repository: async () => (await ecr.describeRepositories({})).repositories?.map((one) => one.repositoryName),
    role: async () => (await iam.listRoles({})).Roles?.map(({ RoleName }) => RoleName),
    'route table': async () => (await ec2.describeRouteTables({})).RouteTables?.map(({ RouteTableId }) => RouteTableId),
    schedule: async () => (await scheduler.listSchedules({})).Schedules?.map(({ Name }) => Name),
    'schedule group': async () => (await scheduler.listScheduleGroups({})).ScheduleGroups?.map(({ Name }) => Name),
    secret: async () => (await secrets.listSecrets({})).SecretList?.map(({ Name }) => Name),
    'security group': async () => (await ec2.describeSecurityGroups({})).SecurityGroups?.map(({ GroupId }) => GroupId),
    snapshot: async () => (await rds.describeDBSnapshots({})).DBSnapshots?.map((one) => one.DBSnapshotIdentifier),
    subnet: async () => (await ec2.describeSubnets({})).Subnets?.map(({ SubnetId }) => SubnetId),
    'subnet group': async () =>
      (await rds.describeDBSubnetGroups({})).DBSubnetGroups?.map((one) => one.DBSubnetGroupName),
    'task definition': async () => (await ecs.listTaskDefinitions({ status: 'ACTIVE' })).taskDefinitionArns,
    subscription: async () => (await sns.listSubscriptions({})).Subscriptions?.map(({ Endpoint }) => Endpoint),
    topic: async () => (await sns.listTopics({})).Topics?.map(({ TopicArn }) => TopicArn),
    vpc: async () => (await ec2.describeVpcs({})).Vpcs?.map(({ VpcId }) => VpcId),
  };
  const listed = await Promise.all(
    Object.entries(lists).map(async ([kind, list]) => ((await list()) ?? []).map((name) => `${kind} ${name}`)),
  );
  return [...listed.flat(), ...(await keys(clients))].sort();
}

/** A key outlives its deletion for as long as it waits. */
async function keys({ kms }: Clients): Promise<string[]> {
  const { Keys = [] } = await kms.listKeys({});
  const described = await Promise.all(Keys.map(({ KeyId }) => kms.describeKey({ KeyId })));
  return described.map(({ KeyMetadata }) => `key ${KeyMetadata?.KeyState} ${KeyMetadata?.KeyId}`);
}
