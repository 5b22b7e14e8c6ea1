import type { TaskClients } from './task';

/** A request that hangs is tried again; a start has a token, so that it happens once. */
const LIMITS = { maxAttempts: 5, requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000 } };

export async function clientsOf(region: string): Promise<TaskClients> {
  // It would tell every user of Node.js 20 on stderr what later versions of the SDK need; this one is pinned.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { ECS } = await import('@aws-sdk/client-ecs');
  const { CloudWatchLogs } = await import('@aws-sdk/client-cloudwatch-logs');
  return { ecs: new ECS({ region, ...LIMITS }), logs: new CloudWatchLogs({ region, ...LIMITS }) };
}
