import { beside } from '../references';
import { type PolicyGraph, type PolicyResource, type Rule, rule } from '../rule';
import {
  DEFAULT_SECURITY_GROUP,
  EGRESS_RULE,
  ENDPOINT,
  FLOW_LOG,
  INGRESS_RULE,
  SECURITY_GROUP,
  SUBNET,
  VPC,
} from '../types';
import { at, listAt, numberAt, shown } from '../values';

/** https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html, EC2.18 and EC2.19. */
const OPEN_PORTS = [80, 443];
const RISKY_PORTS = [
  20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888,
  9200, 9300,
];
const isOpen = ({ inputs }: PolicyResource): boolean =>
  inputs['cidrIpv4'] === '0.0.0.0/0' || inputs['cidrIpv6'] === '::/0';

/** From and to; everything for protocol -1. */
function ports({ inputs }: PolicyResource): [number, number] {
  if (String(inputs['ipProtocol']) === '-1') return [0, 65_535];
  return [numberAt(inputs, 'fromPort') ?? 0, numberAt(inputs, 'toPort') ?? 65_535];
}

const riskyPort = (resource: PolicyResource): number | undefined => {
  const [from, to] = ports(resource);
  return RISKY_PORTS.find((port) => from <= port && port <= to);
};

const endpointOf = (id: string, control: string, service: string, use: string): Rule =>
  rule(id, {
    source: `FSBP ${control}`,
    title: `${use} from inside the network`,
    types: [VPC],
    find: (vpc, graph) =>
      beside(graph, vpc, ENDPOINT, 'vpcId').some(
        ({ inputs }) =>
          String(inputs['serviceName']).endsWith(`.${service}`) && inputs['vpcEndpointType'] === 'Interface',
      )
        ? []
        : [`no interface endpoint of it is for ${service}`],
  });

export const ec2Rules: readonly Rule[] = [
  rule('ec2-default-group', {
    source: 'FSBP EC2.2',
    title: 'The default security group of a VPC lets nothing in or out',
    types: [VPC],
    find: (vpc, graph) => {
      const [group] = beside(graph, vpc, DEFAULT_SECURITY_GROUP, 'vpcId');
      if (group === undefined) return ['its default security group is not declared, so has AWS’s own rules'];
      return ['ingress', 'egress']
        .filter((direction) => listAt(group.inputs, direction).length > 0)
        .map((direction) => `its default security group has ${direction} rules; expected none`);
    },
  }),
  rule('ec2-flow-log', {
    source: 'FSBP EC2.6',
    title: 'What a VPC refuses is logged',
    types: [VPC],
    find: (vpc, graph) => {
      const traffic = beside(graph, vpc, FLOW_LOG, 'vpcId').map(({ inputs }) => inputs['trafficType']);
      return traffic.some((one) => one === 'REJECT' || one === 'ALL')
        ? []
        : [`its flow logs have ${shown(traffic)}; expected one of "REJECT" or "ALL"`];
    },
  }),
  rule('ec2-no-public-addresses', {
    source: 'FSBP EC2.15',
    title: 'No subnet gives out public addresses',
    types: [SUBNET],
    find: ({ inputs }) =>
      inputs['mapPublicIpOnLaunch'] === true ? ['mapPublicIpOnLaunch is true; expected false'] : [],
  }),
  rule('ec2-open-ports', {
    source: 'FSBP EC2.18',
    title: 'No port but 80 and 443 is open to the world (EC2.19 has those of high risk)',
    types: [INGRESS_RULE],
    find: (ingress) => {
      const [from, to] = ports(ingress);
      return isOpen(ingress) && riskyPort(ingress) === undefined && !(from === to && OPEN_PORTS.includes(from))
        ? [`ports ${from} to ${to} are open to everybody`]
        : [];
    },
  }),
  rule('ec2-risky-ports', {
    source: 'FSBP EC2.19',
    title: 'No port of high risk is open to the world',
    types: [INGRESS_RULE],
    find: (ingress) => {
      const port = riskyPort(ingress);
      return isOpen(ingress) && port !== undefined ? [`port ${port} is open to everybody`] : [];
    },
  }),
  endpointOf('ec2-endpoint-ecr-api', 'EC2.55', 'ecr.api', 'ECR is reached'),
  endpointOf('ec2-endpoint-ecr-images', 'EC2.56', 'ecr.dkr', 'Images are pulled'),
  rule('ec2-egress', {
    title: 'Nothing is let out to the world',
    types: [EGRESS_RULE],
    find: (egress) => (isOpen(egress) ? ['it lets out to everybody; expected a group, network or prefix list'] : []),
  }),
  rule('ec2-rules-apart', {
    title: 'Rules of security groups are resources of their own (inline ones would fight them)',
    types: [SECURITY_GROUP],
    find: ({ inputs }) =>
      ['ingress', 'egress']
        .filter((direction) => listAt(inputs, direction).length > 0)
        .map((direction) => `${direction} is declared inline; expected separate rules`),
  }),
  rule('ec2-rules-described', {
    title: 'Every rule of a security group says what it is for',
    types: [INGRESS_RULE, EGRESS_RULE],
    find: ({ inputs }) => (typeof inputs['description'] === 'string' ? [] : ['description is not set']),
  }),
  rule('ec2-subnets', {
    title: 'Subnets of a VPC lie inside it, do not overlap, and are in two zones or more',
    types: [VPC],
    find: subnetProblems,
  }),
];

function subnetProblems(vpc: PolicyResource, graph: PolicyGraph): string[] {
  const range = networkOf(vpc.inputs['cidrBlock']);
  const subnets = beside(graph, vpc, SUBNET, 'vpcId');
  const placed = subnets.flatMap((subnet) => {
    const network = networkOf(subnet.inputs['cidrBlock']);
    return network === undefined ? [] : [{ ...network, name: subnet.name }];
  });
  const zones = new Set(subnets.map(({ inputs }) => at(inputs, 'availabilityZone')));
  return [
    ...placed
      .filter(({ first, last }) => range !== undefined && (first < range.first || last > range.last))
      .map(({ name }) => `${name} lies outside ${shown(vpc.inputs['cidrBlock'])}`),
    ...placed.flatMap((one, index) =>
      placed
        .slice(index + 1)
        .filter((other) => one.first <= other.last && other.first <= one.last)
        .map((other) => `${one.name} overlaps ${other.name}`),
    ),
    ...(subnets.length > 0 && zones.size < 2 ? ['its subnets are all in one zone; RDS wants two'] : []),
  ];
}

/** First and last address of a network in CIDR notation, as numbers. */
function networkOf(cidr: unknown): { first: number; last: number } | undefined {
  const [, a = '', b = '', c = '', d = '', bits = ''] =
    /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(String(cidr)) ?? [];
  if (bits === '') return undefined;
  const address = [a, b, c, d].reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
