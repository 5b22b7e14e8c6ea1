import * as cloudwatch from '@pulumi/aws/cloudwatch';
import * as ec2 from '@pulumi/aws/ec2';
import * as iam from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { policyDocument, trustPolicy } from '../iam/policyDocument';

export interface NewVpc {
  cidr: string;
  /** A private subnet each. */
  subnets: readonly { zone: string; cidr: string }[];
  flowLogDays: number;
}

export interface Vpc {
  id: pulumi.Input<string>;
  subnetIds: pulumi.Input<string>[];
  routeTableIds: pulumi.Input<string>[];
}

/** A VPC without a way out or in: private subnets, one route table, no gateway of any kind. */
export function createVpc(
  name: string,
  { aws, vpc, logKeyArn }: { aws: AwsContext; vpc: NewVpc; logKeyArn: pulumi.Input<string> },
  parent: pulumi.Resource,
): Vpc {
  const named = (suffix = ''): { Name: string } => ({ Name: `${aws.prefix}${suffix}` });
  const { id } = new ec2.Vpc(
    name,
    // Endpoints answer under the services' own names only with both.
    { cidrBlock: vpc.cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: named() },
    { parent },
  );
  // The group that AWS makes with every VPC; managed, so that it has no rules.
  new ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: id, ingress: [], egress: [] }, { parent });
  const table = new ec2.RouteTable(`${name}-private`, { vpcId: id, tags: named('-private') }, { parent });
  const subnetIds = vpc.subnets.map(({ zone, cidr }) => {
    const letter = zone.slice(-1);
    const subnet = new ec2.Subnet(
      `${name}-private-${letter}`,
      {
        vpcId: id,
        availabilityZone: zone,
        cidrBlock: cidr,
        mapPublicIpOnLaunch: false,
        tags: named(`-private-${letter}`),
      },
      { parent },
    );
    new ec2.RouteTableAssociation(
      `${name}-private-${letter}`,
      { subnetId: subnet.id, routeTableId: table.id },
      { parent },
    );
    return subnet.id;
  });
  createFlowLogs(`${name}-flow-logs`, { aws, vpcId: id, days: vpc.flowLogDays, logKeyArn }, parent);
  return { id, subnetIds, routeTableIds: [table.id] };
}

interface FlowLogsArgs {
  aws: AwsContext;
  vpcId: pulumi.Input<string>;
  days: number;
  logKeyArn: pulumi.Input<string>;
}

/** Who connected to what, and who was turned away. */
function createFlowLogs(name: string, { aws, vpcId, days, logKeyArn }: FlowLogsArgs, parent: pulumi.Resource): void {
  const group = new cloudwatch.LogGroup(
    name,
    { name: `/aws/vpc/${aws.prefix}`, retentionInDays: days, kmsKeyId: logKeyArn },
    { parent },
  );
  const role = new iam.Role(
    `${name}-role`,
    {
      description: 'Writes the flow logs of the VPC',
      assumeRolePolicy: pulumi.jsonStringify(
        trustPolicy<pulumi.Input<string>>('vpc-flow-logs.amazonaws.com', aws.accountId),
      ),
    },
    { parent },
  );
  const policy = new iam.RolePolicy(
    `${name}-role`,
    {
      role: role.name,
      policy: pulumi.jsonStringify(
        policyDocument<pulumi.Input<string>>({
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
          Resource: [group.arn, pulumi.interpolate`${group.arn}:*`],
        }),
      ),
    },
    { parent },
  );
  new ec2.FlowLog(
    name,
    {
      vpcId,
      trafficType: 'ALL',
      logDestinationType: 'cloud-watch-logs',
      logDestination: group.arn,
      iamRoleArn: role.arn,
      maxAggregationInterval: 600,
    },
    { parent, dependsOn: policy },
  );
}
