import * as T from '../../../policies/types';
import { add, find, type Mutation, remove, set } from '../mutate';

const ingress = (port: number): Mutation =>
  add(T.INGRESS_RULE, 'open', {
    securityGroupId: '‹network-proxy.id›',
    description: 'Everybody',
    cidrIpv4: '0.0.0.0/0',
    ipProtocol: 'tcp',
    fromPort: port,
    toPort: port,
  });

const withoutEndpoint =
  (service: string): Mutation =>
  (graph) => {
    const endpoint = graph.resources.find(
      ({ type, inputs }) => type === T.ENDPOINT && String(inputs['serviceName']).endsWith(service),
    );
    remove(T.ENDPOINT, endpoint?.name)(graph);
  };

/** For each rule what breaks it, and it alone. */
export const network: Record<string, Mutation> = {
  'ec2-default-group': set(T.DEFAULT_SECURITY_GROUP, 'ingress', [
    { protocol: '-1', self: true, fromPort: 0, toPort: 0 },
  ]),
  'ec2-flow-log': set(T.FLOW_LOG, 'trafficType', 'ACCEPT'),
  'ec2-no-public-addresses': set(T.SUBNET, 'mapPublicIpOnLaunch', true),
  'ec2-open-ports': ingress(15_432),
  'ec2-risky-ports': ingress(5432),
  'ec2-endpoint-ecr-api': withoutEndpoint('.ecr.api'),
  'ec2-endpoint-ecr-images': withoutEndpoint('.ecr.dkr'),
  'ec2-egress': (graph) => {
    const { inputs } = find(graph, T.EGRESS_RULE);
    delete inputs['referencedSecurityGroupId'];
    inputs['cidrIpv4'] = '0.0.0.0/0';
  },
  'ec2-rules-apart': set(T.SECURITY_GROUP, 'egress', [
    { protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['10.0.0.0/8'] },
  ]),
  'ec2-rules-described': set(T.INGRESS_RULE, 'description', undefined),
  'ec2-subnets': set(T.SUBNET, 'cidrBlock', '10.63.0.0/18'),
};
