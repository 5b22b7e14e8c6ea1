import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** With `error`: the service's code for it. */
type Answer = Record<string, unknown>;
type Behaviour = (input: Record<string, unknown>, call: number) => Answer | 'hang';

/** ECS and CloudWatch Logs as far as a task is run: their JSON protocol over real HTTP, with the test's answers by action. */
export interface FakeEcs {
  endpoint: string;
  /** Actions with their input, in order. */
  calls: { action: string; input: Record<string, unknown> }[];
  stop(): Promise<void>;
}

export const TASK_ARN = 'arn:aws:ecs:eu-west-1:111111111111:task/coach-prod-backup/0123456789abcdef';

export async function startFakeEcs(behaviours: Record<string, Behaviour>): Promise<FakeEcs> {
  const calls: FakeEcs['calls'] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const action = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const input = JSON.parse(Buffer.concat(body).toString() || '{}') as Record<string, unknown>;
    calls.push({ action, input });
    const count = calls.filter((one) => one.action === action).length;
    const given = (behaviours[action] ?? (() => ({ error: 'UnknownOperationException' })))(input, count);
    if (given === 'hang') return;
    const { error } = given;
    response.writeHead(error === undefined ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(error === undefined ? given : { __type: error, message: 'said so' }));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
