import { connect } from 'node:net';

import { messageOf, PlatformError } from '../../system/errors';
import type { Surroundings } from './environment';

const LIMIT_MS = 3000;

export interface Endpoint {
  /** `Secrets Manager` */
  name: string;
  host: string;
  port: number;
  /** What lets the function through to it, and may be missing. */
  way: string;
}

export interface Reached {
  name: string;
  host: string;
  port: number;
  reachable: boolean;
  /** Why not. */
  reason?: string;
}

/** Everything that the function talks to. KMS is asked by Secrets Manager and S3, not from here. */
export function endpoints({ host, port, region, endpoints: given }: Surroundings): Endpoint[] {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const service = (name: string, url: string, way: string): Endpoint => {
    const { hostname, port: written, protocol } = new URL(url);
    return { name, host: hostname, port: Number(written) || (protocol === 'http:' ? 80 : 443), way };
  };
  return [
    {
      name: 'the database',
      host,
      port,
      way: `the instance has to be available, and its security group has to take port ${port} from the function’s security group`,
    },
    service(
      'Secrets Manager',
      given.secretsManager ?? `https://secretsmanager.${region}.${suffix}`,
      'the VPC needs an interface endpoint for secretsmanager with private DNS (or a route to the internet), and that endpoint’s security group has to take port 443 from the function’s',
    ),
    service(
      'S3',
      given.s3 ?? `https://s3.${region}.${suffix}`,
      'the route tables of the function’s subnets need the gateway endpoint of S3, and its security group has to let port 443 out to S3’s prefix list',
    ),
  ];
}

/** Tries all at once, each for three seconds at most. */
export function tryAll(all: readonly Endpoint[]): Promise<Reached[]> {
  return Promise.all(
    all.map(async (endpoint) => {
      const { name, host, port } = endpoint;
      const reason = await attempt(host, port);
      return { name, host, port, reachable: reason === undefined, ...(reason === undefined ? {} : { reason }) };
    }),
  );
}

/** Throws `endpoint-unreachable`, naming every one that is not. */
export function requireReached(all: readonly Endpoint[], reached: readonly Reached[]): void {
  const missing = all.flatMap((endpoint) => {
    const { reason } = reached.find(({ name }) => name === endpoint.name) ?? {};
    return reason === undefined ? [] : [{ ...endpoint, reason }];
  });
  if (missing.length === 0) return;
  throw new PlatformError(
    'endpoint-unreachable',
    missing
      .map(
        ({ name, host, port, reason }) => `The migration function cannot reach ${name} at ${host}:${port}: ${reason}.`,
      )
      .join('\n'),
    missing.map(({ name, way }) => `For ${name}: ${way}.`).join(' '),
    { object: missing.map(({ name }) => name).join(', ') },
  );
}

/** A connection of TCP; undefined: it came about. The name is looked up within the same limit. */
function attempt(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => end(`no answer in ${LIMIT_MS / 1000} s`), LIMIT_MS);
    socket.once('connect', () => end());
    socket.once('error', (error) => end(messageOf(error) || 'refused'));
  });
}
