import { spawn, spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { MigrationReport } from '../../../postgres/apply/request';

export const BUNDLE = join(process.cwd(), 'dist', 'bundles', 'migration');

/** What the function is run with, all of it this machine's. */
export interface Place {
  host: string;
  port: number;
  caFile: string;
  secretsManager: string;
  s3: string;
}

export interface Ran {
  report?: MigrationReport;
  /** The message of what the handler threw. */
  thrown?: string;
  /** Lines of the log. */
  log: Record<string, unknown>[];
  /** All that came out of the process. */
  output: string;
}

/** As Lambda's runtime calls a handler. */
const RUNTIME = `
const { handler } = require(process.argv[1] + '/index.js');
const event = JSON.parse(process.argv[2]);
const end = Date.now() + Number(process.argv[3]);
const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => end - Date.now() };
handler(event, context).then(
  (report) => process.send({ report }, () => process.exit()),
  (error) => process.send({ thrown: error.message }, () => process.exit()),
);`;

/** Read-only but for /tmp, as Lambda's file system is: a mount namespace of its own, which takes root. */
const FROZEN = 'mount --bind /tmp /tmp && mount -o remount,bind,ro / && ! touch "$0" 2>/dev/null && exec "$@"';
const PROBE = join(process.cwd(), '.frozen-probe');

export const canFreeze = (): boolean =>
  spawnSync('unshare', ['-m', 'sh', '-c', FROZEN, PROBE, 'true'], { stdio: 'ignore' }).status === 0;

/** The real bundle, in a process with 512 MB, where nothing but /tmp can be written if that can be had here. */
export async function runFunction(event: unknown, place: Place, remainingMs = 60_000, more = {}): Promise<Ran> {
  const node = [
    process.execPath,
    '--max-old-space-size=384',
    '-e',
    RUNTIME,
    BUNDLE,
    JSON.stringify(event),
    String(remainingMs),
  ];
  const command = canFreeze() ? ['unshare', '-m', 'sh', '-c', FROZEN, PROBE, ...node] : node;
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Nothing else of the surroundings, and what Lambda's own role would be.
    env: {
      PATH: process.env['PATH'],
      TMPDIR: '/tmp',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'key-of-the-role',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: place.secretsManager,
      AWS_ENDPOINT_URL_S3: place.s3,
      COACH_DATABASE_HOST: place.host,
      COACH_DATABASE_PORT: String(place.port),
      COACH_DATABASE_NAME: 'inclusive_ai',
      COACH_DATABASE_CA_FILE: place.caFile,
      COACH_MASTER_SECRET: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:master',
      COACH_ARTIFACTS_BUCKET: 'artifacts',
      COACH_STACK: 'prod',
      ...more,
    },
  });
  let output = '';
  let stdout = '';
  child.stdout?.on('data', (data: Buffer) => ((stdout += data.toString()), (output += data.toString())));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  const answer: Pick<Ran, 'report' | 'thrown'> = {};
  child.on('message', (message) => Object.assign(answer, message));
  await new Promise((resolve) => child.once('close', resolve));
  const log = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...answer, log, output };
}

/** Secrets Manager and S3 as far as the function asks them, over real HTTP. */
export class Services {
  readonly objects = new Map<string, string>();
  /** What the secret holds, one after the other; the last one stays. */
  secrets: string[] = [];
  secretReads = 0;
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue') {
      this.secretReads += 1;
      const SecretString = this.secrets.length > 1 ? this.secrets.shift() : this.secrets[0];
      const [status, body] =
        SecretString === undefined
          ? [400, { __type: 'AccessDeniedException', message: 'User is not authorized to perform: kms:Decrypt' }]
          : [200, { Name: 'master', SecretString }];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
      return;
    }
    const body = this.objects.get(new URL(request.url ?? '', this.url).pathname);
    if (body === undefined) {
      const xml = '<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>';
      response.writeHead(404, { 'content-type': 'application/xml' }).end(xml);
    } else response.writeHead(200).end(body);
  }
}
