import * as ec2 from '@pulumi/aws/ec2';
import * as vpc from '@pulumi/aws/vpc';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { INTERFACE_SERVICES, interfacePolicy, s3EndpointPolicy } from './endpointPolicies';
import { type Edge, edges, type GroupName, type Peer, type ReachabilityArgs } from './reachability';
import { createVpc, type NewVpc, type Vpc } from './vpc';

export interface NetworkArgs extends ReachabilityArgs {
  aws: AwsContext;
  /** Another one would replace the database, which is refused. */
  vpc: NewVpc | { id: string; subnetIds: readonly string[]; routeTableIds: readonly string[] };
  /** Encrypts the flow logs of a new VPC. */
  logKeyArn: pulumi.Input<string>;
}

const GROUPS: Record<GroupName, string> = {
  database: 'The PostgreSQL instance and its replicas',
  proxy: 'RDS Proxy, which the application connects to',
  function: 'The migration function',
  task: 'The backup task',
  endpoints: 'Interface endpoints of AWS services',
};
/** One may fail with its zone: the others answer under the same name. Each costs by the hour. */
const ENDPOINT_ZONES = 2;

/** Private subnets, new or of an existing VPC, and the security groups of all that lies in them, with the connections that are permitted and no other. */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly subnetIds: pulumi.Output<string>[];
  readonly securityGroups: Record<Exclude<GroupName, 'endpoints'>, pulumi.Output<string>>;
  /** What function and tasks need before they can reach anything: endpoints and rules. */
  readonly ready: pulumi.Resource[] = [];
  private readonly groups = new Map<GroupName, pulumi.Output<string>>();
  private s3PrefixListId: pulumi.Output<string> | undefined;

  constructor(
    private readonly name: string,
    private readonly args: NetworkArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:network:Network', name, {}, options);
    const within = this.vpc();
    this.vpcId = pulumi.output(within.id);
    this.subnetIds = within.subnetIds.map((id) => pulumi.output(id));
    const { proxy, endpoints } = args;
    for (const group of Object.keys(GROUPS) as GroupName[])
      if ((group !== 'proxy' || proxy) && (group !== 'endpoints' || endpoints)) this.createGroup(group, within.id);
    if (endpoints) this.createEndpoints(within);
    for (const edge of edges(args)) this.permit(edge);
    this.securityGroups = {
      database: this.groupId('database'),
      // Without a proxy nothing asks for it.
      proxy: this.groupId(proxy ? 'proxy' : 'database'),
      function: this.groupId('function'),
      task: this.groupId('task'),
    };
    this.registerOutputs({ vpcId: this.vpcId, subnetIds: this.subnetIds });
  }

  private vpc(): Vpc {
    const { aws, vpc: declared, logKeyArn } = this.args;
    if (!('id' in declared)) return createVpc(this.name, { aws, vpc: declared, logKeyArn }, this);
    const { id, subnetIds, routeTableIds } = declared;
    return { id, subnetIds: [...subnetIds], routeTableIds: [...routeTableIds] };
  }

  private createGroup(group: GroupName, vpcId: pulumi.Input<string>): void {
    const { prefix } = this.args.aws;
    const { id } = new ec2.SecurityGroup(
      `${this.name}-${group}`,
      { vpcId, description: GROUPS[group], tags: { Name: `${prefix}-${group}` } },
      { parent: this },
    );
    this.groups.set(group, id);
  }

  private groupId(group: GroupName): pulumi.Output<string> {
    const id = this.groups.get(group);
    if (id === undefined) throw new Error(`No security group ${group} is declared.`);
    return id;
  }

  private createEndpoints({ id: vpcId, subnetIds, routeTableIds }: Vpc): void {
    const { aws } = this.args;
    const { region, partition, accountId: account, prefix } = aws;
    const layers = `arn:${partition}:s3:::prod-${region}-starport-layer-bucket/*`;
    const s3 = new ec2.VpcEndpoint(
      `${this.name}-s3`,
      {
        vpcId,
        vpcEndpointType: 'Gateway',
        serviceName: `com.amazonaws.${region}.s3`,
        routeTableIds,
        policy: pulumi.jsonStringify(s3EndpointPolicy<pulumi.Input<string>>(account, layers)),
        tags: { Name: `${prefix}-s3` },
      },
      { parent: this },
    );
    this.s3PrefixListId = s3.prefixListId;
    const interfaces = INTERFACE_SERVICES.map(
      ({ service, name, actions, ownNameInChina }) =>
        new ec2.VpcEndpoint(
          `${this.name}-${name}`,
          {
            vpcId,
            vpcEndpointType: 'Interface',
            serviceName: `${partition === 'aws-cn' && ownNameInChina === true ? 'cn.' : ''}com.amazonaws.${region}.${service}`,
            subnetIds: subnetIds.slice(0, ENDPOINT_ZONES),
            securityGroupIds: [this.groupId('endpoints')],
            privateDnsEnabled: true,
            policy: pulumi.jsonStringify(interfacePolicy<pulumi.Input<string>>(actions, account)),
            tags: { Name: `${prefix}-${name}` },
          },
          { parent: this },
        ),
    );
    this.ready.push(s3, ...interfaces);
  }

  /** A rule where the connection leaves and one where it arrives, for whichever of the two is a group of ours. */
  private permit({ from, to, port, description }: Edge): void {
    const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port };
    const name = `${this.name}-${nameOf(from)}-to-${nameOf(to)}`;
    if ('group' in from)
      this.ready.push(
        new vpc.SecurityGroupEgressRule(
          name,
          { ...rule, ...this.peer(to), securityGroupId: this.groupId(from.group), description },
          { parent: this },
        ),
      );
    if ('group' in to)
      this.ready.push(
        new vpc.SecurityGroupIngressRule(
          name,
          { ...rule, ...this.peer(from), securityGroupId: this.groupId(to.group), description },
          { parent: this },
        ),
      );
  }

  private peer(
    peer: Peer,
  ):
    | { cidrIpv4: string }
    | { prefixListId: pulumi.Output<string> }
    | { referencedSecurityGroupId: pulumi.Input<string> } {
    if ('cidr' in peer) return { cidrIpv4: peer.cidr };
    if ('securityGroupId' in peer) return { referencedSecurityGroupId: peer.securityGroupId };
    if ('group' in peer) return { referencedSecurityGroupId: this.groupId(peer.group) };
    if (this.s3PrefixListId === undefined) throw new Error('No endpoint of S3 is declared.');
    return { prefixListId: this.s3PrefixListId };
  }
}

/** Part of a rule's name, by whom it is about, so that a list in another order changes nothing. */
function nameOf(peer: Peer): string {
  if ('group' in peer) return peer.group;
  if ('securityGroupId' in peer) return peer.securityGroupId;
  if ('prefixList' in peer) return peer.prefixList;
  return peer.cidr === '0.0.0.0/0' ? 'everywhere' : peer.cidr.replaceAll(/[./]/g, '-');
}
