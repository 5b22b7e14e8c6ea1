import type { EC2, IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';

import type { Clients } from '../clients';
import type { Kinds, Properties, ResourceKind } from '../kind';
import { fromApi, tagChanges, tagList, tagMap, text, texts, toApi, unlessGone } from '../shapes';

const GONE = /NotFound$/;

const tagged = (ResourceType: string, inputs: Properties) => ({
  TagSpecifications: [{ ResourceType: ResourceType as 'vpc', Tags: tagList(inputs) }],
});

async function retag(ec2: EC2, id: string, inputs: Properties, old: { outputs: Properties }): Promise<void> {
  const { set, remove } = tagChanges(inputs, old);
  if (remove.length > 0) await ec2.deleteTags({ Resources: [id], Tags: remove.map((Key) => ({ Key })) });
  if (set.length > 0) await ec2.createTags({ Resources: [id], Tags: set });
}

/** A thing of EC2 that has tags and, besides, only changes by being replaced. */
const fixed = (
  kind: Pick<ResourceKind, 'replaces' | 'create' | 'read' | 'delete'> & { change?: ResourceKind['update'] },
): ResourceKind => ({
  tagged: true,
  ...kind,
  async update(clients, id, inputs, old, context) {
    await kind.change?.(clients, id, inputs, old, context);
    await retag(clients.ec2, id, inputs, old);
  },
});

const vpc = fixed({
  replaces: ['cidrBlock', 'instanceTenancy'],
  async create({ ec2 }, inputs) {
    const { Vpc } = await ec2.createVpc({ CidrBlock: text(inputs, 'cidrBlock'), ...tagged('vpc', inputs) });
    const id = Vpc?.VpcId ?? '';
    await setDns(ec2, id, inputs);
    return id;
  },
  async read({ ec2 }, VpcId, _known, { region, accountId }) {
    const found = await unlessGone(ec2.describeVpcs({ VpcIds: [VpcId] }), GONE);
    const one = found?.Vpcs?.[0];
    if (one === undefined) return undefined;
    const { EnableDnsSupport } = await ec2.describeVpcAttribute({ VpcId, Attribute: 'enableDnsSupport' });
    const { EnableDnsHostnames } = await ec2.describeVpcAttribute({ VpcId, Attribute: 'enableDnsHostnames' });
    return {
      arn: `arn:aws:ec2:${region}:${accountId}:vpc/${VpcId}`,
      cidrBlock: one.CidrBlock ?? '',
      enableDnsSupport: EnableDnsSupport?.Value === true,
      enableDnsHostnames: EnableDnsHostnames?.Value === true,
      tags: tagMap(one.Tags),
    };
  },
  change: ({ ec2 }, id, inputs) => setDns(ec2, id, inputs),
  delete: ({ ec2 }, VpcId) => unlessGone(ec2.deleteVpc({ VpcId }), GONE),
});

/** One attribute a call. */
async function setDns(ec2: EC2, VpcId: string, inputs: Properties): Promise<void> {
  await ec2.modifyVpcAttribute({ VpcId, EnableDnsSupport: { Value: inputs['enableDnsSupport'] !== false } });
  await ec2.modifyVpcAttribute({ VpcId, EnableDnsHostnames: { Value: inputs['enableDnsHostnames'] === true } });
}

const subnet = fixed({
  replaces: ['vpcId', 'cidrBlock', 'availabilityZone'],
  async create({ ec2 }, inputs) {
    const { Subnet } = await ec2.createSubnet({
      VpcId: text(inputs, 'vpcId'),
      CidrBlock: text(inputs, 'cidrBlock'),
      AvailabilityZone: text(inputs, 'availabilityZone'),
      ...tagged('subnet', inputs),
    });
    return Subnet?.SubnetId ?? '';
  },
  async read({ ec2 }, id) {
    const found = await unlessGone(ec2.describeSubnets({ SubnetIds: [id] }), GONE);
    const one = found?.Subnets?.[0];
    if (one === undefined) return undefined;
    const { Tags, ...others } = one;
    return { ...fromApi(others), arn: one.SubnetArn ?? '', tags: tagMap(Tags) };
  },
  change: ({ ec2 }, SubnetId, inputs) =>
    ec2.modifySubnetAttribute({ SubnetId, MapPublicIpOnLaunch: { Value: inputs['mapPublicIpOnLaunch'] === true } }),
  delete: ({ ec2 }, SubnetId) => unlessGone(ec2.deleteSubnet({ SubnetId }), GONE),
});

const routeTable = fixed({
  replaces: ['vpcId'],
  async create({ ec2 }, inputs) {
    const { RouteTable } = await ec2.createRouteTable({
      VpcId: text(inputs, 'vpcId'),
      ...tagged('route-table', inputs),
    });
    return RouteTable?.RouteTableId ?? '';
  },
  async read({ ec2 }, id) {
    const found = await unlessGone(ec2.describeRouteTables({ RouteTableIds: [id] }), GONE);
    const one = found?.RouteTables?.[0];
    return one && { vpcId: one.VpcId ?? '', tags: tagMap(one.Tags) };
  },
  delete: ({ ec2 }, RouteTableId) => unlessGone(ec2.deleteRouteTable({ RouteTableId }), GONE),
});

const routeTableAssociation: ResourceKind = {
  replaces: ['subnetId'],
  async create({ ec2 }, inputs) {
    const { AssociationId } = await ec2.associateRouteTable({
      RouteTableId: text(inputs, 'routeTableId'),
      SubnetId: text(inputs, 'subnetId'),
    });
    return AssociationId ?? '';
  },
  async read({ ec2 }, id) {
    const { RouteTables = [] } = await ec2.describeRouteTables({});
    const one = RouteTables.flatMap(({ Associations = [] }) => Associations).find(
      ({ RouteTableAssociationId }) => RouteTableAssociationId === id,
    );
    return one && { routeTableId: one.RouteTableId ?? '', subnetId: one.SubnetId ?? '' };
  },
  delete: ({ ec2 }, AssociationId) => unlessGone(ec2.disassociateRouteTable({ AssociationId }), GONE),
};

const vpcEndpoint = fixed({
  replaces: ['vpcId', 'serviceName', 'vpcEndpointType'],
  async create({ ec2 }, inputs) {
    const { policy } = inputs;
    const others = Object.fromEntries(Object.entries(inputs).filter(([key]) => !/^(tags|policy|__.*)$/.test(key)));
    const { VpcEndpoint } = await ec2.createVpcEndpoint({
      ...toApi<{ VpcId: string; ServiceName: string }>(others),
      PolicyDocument: typeof policy === 'string' ? policy : undefined,
      ...tagged('vpc-endpoint', inputs),
    });
    return VpcEndpoint?.VpcEndpointId ?? '';
  },
  async read({ ec2 }, id, _known, { accountId, region }) {
    const found = await unlessGone(ec2.describeVpcEndpoints({ VpcEndpointIds: [id] }), GONE);
    const one = found?.VpcEndpoints?.[0];
    if (one === undefined || one.State?.toLowerCase() === 'deleted') return undefined;
    const { Tags, Groups = [], PolicyDocument, ...others } = one;
    return {
      ...fromApi(others),
      arn: `arn:aws:ec2:${region}:${accountId}:vpc-endpoint/${id}`,
      policy: PolicyDocument ?? '',
      securityGroupIds: Groups.map(({ GroupId }) => GroupId ?? ''),
      ...(one.VpcEndpointType === 'Gateway' ? { prefixListId: await prefixListOf(ec2, one.ServiceName) } : {}),
      tags: tagMap(Tags),
    };
  },
  change: ({ ec2 }, VpcEndpointId, inputs, { outputs }) => {
    const difference = (name: string): { added: string[]; gone: string[] } => {
      const [now, before] = [texts(inputs, name), texts(outputs, name)];
      return {
        added: now.filter((one) => !before.includes(one)),
        gone: before.filter((one) => !now.includes(one)),
      };
    };
    const [subnets, groups, tables] = ['subnetIds', 'securityGroupIds', 'routeTableIds'].map(difference);
    return ec2.modifyVpcEndpoint({
      VpcEndpointId,
      PolicyDocument: text(inputs, 'policy'),
      AddSubnetIds: subnets?.added,
      RemoveSubnetIds: subnets?.gone,
      AddSecurityGroupIds: groups?.added,
      RemoveSecurityGroupIds: groups?.gone,
      AddRouteTableIds: tables?.added,
      RemoveRouteTableIds: tables?.gone,
      ...(inputs['vpcEndpointType'] === 'Interface' ? { PrivateDnsEnabled: inputs['privateDnsEnabled'] === true } : {}),
    });
  },
  delete: ({ ec2 }, id) => unlessGone(ec2.deleteVpcEndpoints({ VpcEndpointIds: [id] }), GONE),
});

async function prefixListOf(ec2: EC2, service = ''): Promise<string> {
  const { PrefixLists = [] } = await ec2.describePrefixLists({
    Filters: [{ Name: 'prefix-list-name', Values: [service] }],
  });
  return PrefixLists.find(({ PrefixListName }) => PrefixListName === service)?.PrefixListId ?? '';
}

const securityGroup: ResourceKind = {
  ...fixed({
    replaces: ['name', 'description', 'vpcId'],
    async create({ ec2 }, inputs) {
      const { GroupId = '' } = await ec2.createSecurityGroup({
        GroupName: text(inputs, 'name'),
        Description: text(inputs, 'description'),
        VpcId: text(inputs, 'vpcId'),
        ...tagged('security-group', inputs),
      });
      // As the real provider: what AWS permits by itself is taken away.
      await withoutRules(ec2, GroupId);
      return GroupId;
    },
    async read({ ec2 }, id, _known, { accountId, region }) {
      const one = await groupOf(ec2, id);
      return (
        one && {
          arn: `arn:aws:ec2:${region}:${accountId}:security-group/${id}`,
          name: one.GroupName ?? '',
          description: one.Description ?? '',
          vpcId: one.VpcId ?? '',
          tags: tagMap(one.Tags),
        }
      );
    },
    delete: ({ ec2 }, GroupId) => unlessGone(ec2.deleteSecurityGroup({ GroupId }), GONE),
  }),
  autoname: 'name',
};

async function groupOf(ec2: EC2, id: string) {
  return (await unlessGone(ec2.describeSecurityGroups({ GroupIds: [id] }), GONE))?.SecurityGroups?.[0];
}

async function withoutRules(ec2: EC2, GroupId: string): Promise<void> {
  const group = await groupOf(ec2, GroupId);
  const { IpPermissions = [], IpPermissionsEgress = [] } = group ?? {};
  if (IpPermissions.length > 0) await ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions });
  if (IpPermissionsEgress.length > 0)
    await ec2.revokeSecurityGroupEgress({ GroupId, IpPermissions: IpPermissionsEgress });
}

/** The group that comes with the VPC: taken over without rules, forgotten instead of deleted. */
const defaultSecurityGroup: ResourceKind = {
  tagged: true,
  replaces: ['vpcId'],
  async create({ ec2 }, inputs) {
    const { SecurityGroups = [] } = await ec2.describeSecurityGroups({
      Filters: [
        { Name: 'vpc-id', Values: [text(inputs, 'vpcId')] },
        { Name: 'group-name', Values: ['default'] },
      ],
    });
    const id = SecurityGroups[0]?.GroupId;
    if (id === undefined) throw new Error(`VPC ${text(inputs, 'vpcId')} has no default security group`);
    await withoutRules(ec2, id);
    await retag(ec2, id, inputs, { outputs: {} });
    return id;
  },
  async read({ ec2 }, id) {
    const one = await groupOf(ec2, id);
    if (one === undefined) return undefined;
    const rules = (list: IpPermission[] = []) => list.map((permission) => fromApi(permission));
    return {
      vpcId: one.VpcId ?? '',
      ingress: rules(one.IpPermissions),
      egress: rules(one.IpPermissionsEgress),
      tags: tagMap(one.Tags),
    };
  },
  async update({ ec2 }, id, inputs, old) {
    await withoutRules(ec2, id);
    await retag(ec2, id, inputs, old);
  },
  delete: () => Promise.resolve(),
};

const RULE = { referencedSecurityGroupId: 'GroupId' };

function groupRule(direction: 'Ingress' | 'Egress'): ResourceKind {
  const peers = ['cidrIpv4', 'prefixListId', 'referencedSecurityGroupId'];
  const permission = (inputs: Properties): IpPermission => {
    const { ipProtocol, fromPort, toPort, description, cidrIpv4, prefixListId, referencedSecurityGroupId } = inputs;
    const said = description === undefined ? {} : { description };
    return toApi(
      {
        ...(ipProtocol === undefined ? {} : { ipProtocol }),
        ...(fromPort === undefined ? {} : { fromPort }),
        ...(toPort === undefined ? {} : { toPort }),
        ...(cidrIpv4 === undefined ? {} : { ipRanges: [{ cidrIp: cidrIpv4, ...said }] }),
        ...(prefixListId === undefined ? {} : { prefixListIds: [{ prefixListId, ...said }] }),
        ...(referencedSecurityGroupId === undefined
          ? {}
          : { userIdGroupPairs: [{ referencedSecurityGroupId, ...said }] }),
      },
      RULE,
    );
  };
  const find = async ({ ec2 }: Clients, GroupId: string, matches: (rule: SecurityGroupRule) => boolean) => {
    const { SecurityGroupRules = [] } = await ec2.describeSecurityGroupRules({
      Filters: [{ Name: 'group-id', Values: [GroupId] }],
    });
    return SecurityGroupRules.find(matches);
  };
  return {
    tagged: true,
    replaces: ['securityGroupId', 'ipProtocol', 'fromPort', 'toPort', ...peers],
    async create({ ec2 }, inputs) {
      const request = {
        GroupId: text(inputs, 'securityGroupId'),
        IpPermissions: [permission(inputs)],
        ...tagged('security-group-rule', inputs),
      };
      const { SecurityGroupRules } = await (direction === 'Ingress'
        ? ec2.authorizeSecurityGroupIngress(request)
        : ec2.authorizeSecurityGroupEgress(request));
      return SecurityGroupRules?.[0]?.SecurityGroupRuleId ?? '';
    },
    async read(clients, id, known) {
      const one = await find(
        clients,
        text(known, 'securityGroupId'),
        ({ SecurityGroupRuleId }) => SecurityGroupRuleId === id,
      );
      if (one === undefined) return undefined;
      const { Tags, GroupId, ReferencedGroupInfo, ...others } = one;
      return {
        ...fromApi(others),
        securityGroupId: GroupId ?? '',
        securityGroupRuleId: id,
        ...(ReferencedGroupInfo === undefined ? {} : { referencedSecurityGroupId: ReferencedGroupInfo.GroupId ?? '' }),
        tags: tagMap(Tags),
      };
    },
    async update({ ec2 }, id, inputs, old) {
      const { cidrIpv4, prefixListId, referencedSecurityGroupId, ipProtocol, fromPort, toPort, description } = inputs;
      const rule = Object.fromEntries(
        Object.entries({ cidrIpv4, prefixListId, ipProtocol, fromPort, toPort, description }).filter(
          ([, value]) => value !== undefined,
        ),
      ) as Properties;
      await ec2.modifySecurityGroupRules({
        GroupId: text(inputs, 'securityGroupId'),
        SecurityGroupRules: [
          {
            SecurityGroupRuleId: id,
            SecurityGroupRule: {
              ...toApi<object>(rule),
              ...(typeof referencedSecurityGroupId === 'string'
                ? { ReferencedGroupId: referencedSecurityGroupId }
                : {}),
            },
          },
        ],
      });
      await retag(ec2, id, inputs, old);
    },
    delete: ({ ec2 }, id, outputs) => {
      const request = { GroupId: text(outputs, 'securityGroupId'), SecurityGroupRuleIds: [id] };
      return unlessGone<unknown>(
        direction === 'Ingress' ? ec2.revokeSecurityGroupIngress(request) : ec2.revokeSecurityGroupEgress(request),
        GONE,
      );
    },
  };
}

const flowLog = fixed({
  replaces: ['vpcId', 'trafficType', 'logDestination', 'logDestinationType', 'iamRoleArn', 'maxAggregationInterval'],
  async create({ ec2 }, inputs) {
    const { FlowLogIds } = await ec2.createFlowLogs({
      ResourceIds: [text(inputs, 'vpcId')],
      ResourceType: 'VPC',
      TrafficType: text(inputs, 'trafficType') as 'ALL',
      LogDestinationType: text(inputs, 'logDestinationType') as 'cloud-watch-logs',
      LogDestination: text(inputs, 'logDestination'),
      DeliverLogsPermissionArn: text(inputs, 'iamRoleArn'),
      MaxAggregationInterval: Number(inputs['maxAggregationInterval'] ?? 600),
    });
    const id = FlowLogIds?.[0] ?? '';
    await retag(ec2, id, inputs, { outputs: {} });
    return id;
  },
  async read({ ec2 }, id) {
    const { FlowLogs = [] } = await ec2.describeFlowLogs({ FlowLogIds: [id] });
    const one = FlowLogs[0];
    if (one === undefined) return undefined;
    const { Tags, ResourceId, DeliverLogsPermissionArn, ...others } = one;
    return {
      ...fromApi(others),
      vpcId: ResourceId ?? '',
      ...(DeliverLogsPermissionArn === undefined ? {} : { iamRoleArn: DeliverLogsPermissionArn }),
      tags: tagMap(Tags),
    };
  },
  delete: ({ ec2 }, id) => ec2.deleteFlowLogs({ FlowLogIds: [id] }),
});

export const ec2: Kinds = {
  'aws:ec2/vpc:Vpc': vpc,
  'aws:ec2/subnet:Subnet': subnet,
  'aws:ec2/routeTable:RouteTable': routeTable,
  'aws:ec2/routeTableAssociation:RouteTableAssociation': routeTableAssociation,
  'aws:ec2/vpcEndpoint:VpcEndpoint': vpcEndpoint,
  'aws:ec2/securityGroup:SecurityGroup': securityGroup,
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': defaultSecurityGroup,
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': groupRule('Ingress'),
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': groupRule('Egress'),
  'aws:ec2/flowLog:FlowLog': flowLog,
};
