import { type Cidr, overlap, parseCidr } from './cidr';
import { subnetPlan, usesEndpoints } from './network';
import type { Report } from './report';
import type { Settings } from './settings';

type Complain = (...problem: Parameters<Report['add']>) => void;

/** What is routed inside of companies: RFC 1918 and RFC 6598. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
/** A VPC has at most /16. From /24 on a quarter has 59 free addresses, what RDS Proxy wants of a subnet for classes up to 12xlarge. */
const LARGEST = 16;
const SMALLEST = 24;

const isPrivate = (network: Cidr): boolean =>
  PRIVATE.map(parseCidr).some((one) => one !== undefined && one.length <= network.length && overlap(one, network));

/** Networks that AWS would not take, or that would not reach one another. */
export function checkNetwork({ environment, aws }: Settings, complain: Complain): void {
  if (environment !== 'prod' || aws === undefined) return;
  const { vpcId, privateSubnetIds, routeTableIds, cidr, zones, endpoints } = aws.network;
  const conflict = (key: string, message: string, remedy: string): void =>
    complain('setting-conflict', `aws.network.${key}`, `coach:aws.network.${key} ${message}`, remedy);
  if (vpcId === undefined) {
    for (const [key, ids] of Object.entries({ privateSubnetIds, routeTableIds }))
      if (ids.length > 0)
        conflict(
          key,
          `is set, but coach:aws.network.vpcId is not: a new VPC has ${key === 'routeTableIds' ? 'route tables' : 'subnets'} of its own.`,
          'Set coach:aws.network.vpcId to the VPC they belong to, or remove them.',
        );
    if (endpoints === false)
      conflict(
        'endpoints',
        'is false, but a new VPC has no other way to AWS’s services: neither function nor task would start.',
        'Remove it, or set coach:aws.network.vpcId to a VPC that has one.',
      );
    if (zones.length > 0 && zones.length !== 3)
      conflict(
        'zones',
        `names ${zones.length} zones; a new VPC has a subnet in each of three.`,
        'Name three, or none.',
      );
    checkAddresses(cidr, conflict);
  } else {
    if (privateSubnetIds.length < 2)
      conflict(
        'privateSubnetIds',
        `names ${privateSubnetIds.length} subnets of ${vpcId}; instance and proxy want two or more, in different zones.`,
        'Name the private subnets of the VPC that the database is to lie in.',
      );
    if (endpoints === undefined)
      conflict(
        'endpoints',
        `is not set. Endpoints answer under the services’ own names for everybody in ${vpcId}, and let only what this stack declares in.`,
        'Set it to true where nothing else in that VPC calls these services, or to false where it reaches them already.',
      );
    if (endpoints === true && routeTableIds.length === 0)
      conflict(
        'routeTableIds',
        'is empty: the S3 endpoint is a route in them.',
        'Name the route tables of the subnets.',
      );
  }
  checkClients(aws, conflict);
}

type Conflict = (key: string, message: string, remedy: string) => void;

function checkAddresses(cidr: string, conflict: Conflict): void {
  const network = parseCidr(cidr);
  if (network === undefined)
    return conflict('cidr', `is ${cidr}, which is no network.`, 'Write its first address and length: 10.64.0.0/16.');
  if (network.length < LARGEST || network.length > SMALLEST)
    conflict(
      'cidr',
      `is ${cidr}; a VPC has at most /${LARGEST}, and in less than /${SMALLEST} the subnets are too small for instance, proxy, endpoints and function.`,
      `Choose a length from ${LARGEST} to ${SMALLEST}.`,
    );
  if (!isPrivate(network))
    conflict('cidr', `is ${cidr}, which is somebody’s on the internet.`, `Choose it within ${PRIVATE.join(', ')}.`);
}

function checkClients(aws: NonNullable<Settings['aws']>, conflict: Conflict): void {
  const { vpcId, clientCidrs } = aws.network;
  const subnets = vpcId === undefined ? subnetPlan(aws).map((one) => one.cidr) : [];
  clientCidrs.forEach((text, index) => {
    const key = `clientCidrs[${index}]`;
    const network = parseCidr(text);
    if (network === undefined)
      return conflict(key, `is ${text}, which is no network.`, 'Write its first address and length: 10.1.0.0/16.');
    if (!isPrivate(network))
      return conflict(
        key,
        `is ${text}: the database has no public address, so nobody comes from the internet.`,
        `Name networks within ${PRIVATE.join(', ')} that reach the VPC by peering, transit gateway or VPN.`,
      );
    const others = [
      ...subnets.map((cidr) => ({ cidr, whose: 'a subnet of the new VPC' })),
      ...clientCidrs.slice(0, index).map((cidr) => ({ cidr, whose: 'another client’s' })),
    ];
    for (const { cidr, whose } of others) {
      const other = parseCidr(cidr);
      if (other === undefined || !overlap(network, other)) continue;
      conflict(
        key,
        `is ${text} and overlaps ${cidr}, ${whose}.`,
        whose.startsWith('a subnet')
          ? 'Choose another coach:aws.network.cidr: networks that overlap cannot be routed to one another.'
          : 'Name each network once.',
      );
    }
  });
}

/** Where backups go has to be within reach of a network without a way out. */
export function checkBackupsInReach({ environment, aws, backup }: Settings, complain: Complain): void {
  const { s3 } = backup;
  if (environment !== 'prod' || aws === undefined || s3 === undefined) return;
  if (s3.endpoint !== undefined)
    complain(
      'setting-conflict',
      'backup.s3.endpoint',
      `coach:backup.s3.endpoint is ${s3.endpoint}; prod backs up into the bucket that it declares, by a task without another vendor’s keys.`,
      'Remove it.',
    );
  else if (s3.region !== undefined && s3.region !== aws.region && usesEndpoints(aws))
    complain(
      'setting-conflict',
      'backup.s3.region',
      `coach:backup.s3.region is ${s3.region}, but the S3 endpoint of the network reaches buckets of ${aws.region} alone.`,
      'Remove it, or use an existing VPC with a way of its own (coach:aws.network.endpoints: false).',
    );
}
