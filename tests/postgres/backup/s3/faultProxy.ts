import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What goes wrong with one request. */
export type Fault =
  | { answer: number; code: string; message?: string; headers?: Record<string, string> }
  /** The connection breaks after so many bytes of the request's body. */
  | { resetAfter: number }
  /** One bit of the body changes on its way. */
  | { flip: 'request' | 'response' }
  /** The request is carried out; its answer never comes, since the connection breaks. */
  | { loseAnswer: true }
  /** The connection breaks after so many bytes of the answer's body. */
  | { cutAnswer: number }
  /** So many bytes of the answer's body, and nothing more on an open connection; 0: no answer at all. */
  | { hang: number }
  /** The answer in pieces of so many bytes, with pauses. */
  | { trickle: number; pauseMs: number };

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}

const NONE = { none: true } as const;

/** Stands before an S3 endpoint and spoils what `fault` says; everything else passes. */
export class FaultProxy {
  readonly seen: Seen[] = [];
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  private readonly server = createServer((request, response) => {
    this.pass(request, response).catch(() => request.destroy());
  });

  constructor(private readonly target: string) {}

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** Spoils the first requests that fit, so many of them. */
  spoil(count: number, fits: (seen: Seen) => boolean, fault: Fault): () => number {
    let done = 0;
    this.fault = (seen) => {
      if (done >= count || !fits(seen)) return undefined;
      done += 1;
      return fault;
    };
    return () => done;
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers };
    this.seen.push(seen);
    const fault = this.fault(seen) ?? NONE;
    if ('resetAfter' in fault) {
      const { socket } = request;
      let bytes = 0;
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => (bytes += chunk.length) >= fault.resetAfter && socket.resetAndDestroy());
      return void (fault.resetAfter === 0 && socket.resetAndDestroy());
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if ('answer' in fault) {
      response.writeHead(fault.answer, { 'content-type': 'application/xml', ...fault.headers });
      const text = `<Error><Code>${fault.code}</Code><Message>${fault.message ?? 'told by the proxy'}</Message></Error>`;
      return void response.end(seen.method === 'HEAD' ? undefined : text);
    }
    if ('flip' in fault && fault.flip === 'request') flip(body);
    const answer = await this.send(seen, body);
    if ('loseAnswer' in fault) return void request.socket.resetAndDestroy();
    if ('hang' in fault && fault.hang === 0) return;
    if ('flip' in fault && fault.flip === 'response') flip(answer.body);
    response.writeHead(answer.status, answer.headers);
    if ('cutAnswer' in fault) {
      response.write(answer.body.subarray(0, fault.cutAnswer), () => request.socket.resetAndDestroy());
    } else if ('hang' in fault) {
      response.write(answer.body.subarray(0, fault.hang));
    } else if ('trickle' in fault) {
      for (let at = 0; at < answer.body.length; at += fault.trickle) {
        response.write(answer.body.subarray(at, at + fault.trickle));
        await pause(fault.pauseMs);
      }
      response.end();
    } else response.end(answer.body);
  }

  private send(
    { method, path, headers }: Seen,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.target);
      const sent = forward({ hostname, port, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

function flip(body: Buffer): void {
  const middle = body.length >> 1;
  if (body.length > 0) body.writeUInt8(body.readUInt8(middle) ^ 1, middle);
}
