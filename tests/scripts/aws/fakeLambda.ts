import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  /** The service's code for it. */
  error?: string;
  message?: string;
  status?: number;
  /** Of an invocation. */
  payload?: unknown;
  functionError?: 'Unhandled';
  log?: string;
}
type Behaviour = (input: Record<string, unknown>, call: number) => Answer | 'hang' | 'cut';

export interface FakeLambda {
  endpoint: string;
  /** Of the function, in order. */
  asked: Record<string, unknown>[];
  /** Path and text of every archive. */
  put: { path: string; text: string; ifNoneMatch: string | undefined }[];
  stop(): Promise<void>;
}

/** Lambda's Invoke and S3's PutObject in their own protocols over real HTTP, with the test's answers. */
export async function startFakeLambda(invoke: Behaviour, putObject: Behaviour = () => ({})): Promise<FakeLambda> {
  const asked: FakeLambda['asked'] = [];
  const put: FakeLambda['put'] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const text = Buffer.concat(body).toString();
    const path = (request.url ?? '').split('?')[0] ?? '';
    const isInvocation = path.endsWith('/invocations');
    if (isInvocation) asked.push(JSON.parse(text) as Record<string, unknown>);
    else put.push({ path, text, ifNoneMatch: request.headers['if-none-match'] });
    const given = isInvocation ? invoke(asked.at(-1) ?? {}, asked.length) : putObject({}, put.length);
    if (given === 'hang') return;
    if (given === 'cut') return void request.socket.destroy();
    const { error, message = 'said so', status = 400, payload, functionError, log } = given;
    if (error !== undefined) {
      response.writeHead(status, { 'x-amzn-errortype': error });
      response.end(
        isInvocation
          ? JSON.stringify({ message })
          : `<?xml version="1.0"?><Error><Code>${error}</Code><Message>${message}</Message></Error>`,
      );
      return;
    }
    response.writeHead(200, {
      ...(functionError === undefined ? {} : { 'x-amz-function-error': functionError }),
      ...(log === undefined ? {} : { 'x-amz-log-result': Buffer.from(log).toString('base64') }),
    });
    response.end(isInvocation ? JSON.stringify(payload) : '');
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    asked,
    put,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
