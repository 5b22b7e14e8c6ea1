/** The security groups of the network, by what they belong to. */
export type GroupName = 'database' | 'proxy' | 'function' | 'task' | 'endpoints';

/** Who opens a connection, or where it goes: a group of ours, of others, a network, or S3's prefix list. */
export type Peer = { group: GroupName } | { securityGroupId: string } | { cidr: string } | { prefixList: 's3' };

/** One permitted connection. */
export interface Edge {
  from: Peer;
  to: Peer;
  port: number;
  description: string;
}

export interface ReachabilityArgs {
  databasePort: number;
  /** Clients reach it instead of the instance. */
  proxy: boolean;
  /** Security groups and networks of whoever connects. */
  clients: { securityGroupIds: readonly string[]; cidrs: readonly string[] };
  /** False: AWS's services are reached as the existing VPC does it, by way of addresses that are not known here. */
  endpoints: boolean;
}

/** The Proxy's, whatever the instance's is. */
export const PROXY_PORT = 5432;
const HTTPS = 443;

/** Every connection that is permitted, and so every rule of every group. */
export function edges({ databasePort, proxy, clients, endpoints }: ReachabilityArgs): Edge[] {
  const group = (name: GroupName): Peer => ({ group: name });
  const entry = proxy ? { to: group('proxy'), port: PROXY_PORT } : { to: group('database'), port: databasePort };
  const toDatabase = (from: GroupName, description: string): Edge => ({
    from: group(from),
    to: group('database'),
    port: databasePort,
    description,
  });
  const workers = (['function', 'task'] as const).flatMap((from): Edge[] => [
    toDatabase(from, from === 'function' ? 'Migrations to the instance' : 'Backups from the instance'),
    ...(endpoints
      ? [
          { from: group(from), to: group('endpoints'), port: HTTPS, description: 'AWS services' },
          { from: group(from), to: { prefixList: 's3' } as const, port: HTTPS, description: 'S3' },
        ]
      : [{ from: group(from), to: { cidr: '0.0.0.0/0' }, port: HTTPS, description: 'AWS services' }]),
  ]);
  return [
    ...clients.securityGroupIds.map((securityGroupId) => ({
      from: { securityGroupId },
      ...entry,
      description: 'The application',
    })),
    ...clients.cidrs.map((cidr) => ({ from: { cidr }, ...entry, description: `Clients in ${cidr}` })),
    ...(proxy ? [toDatabase('proxy', 'The proxy to the instance')] : []),
    ...workers,
  ];
}
