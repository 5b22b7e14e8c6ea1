/**
 * The migration function's cold start: `npm run benchmark:function [-- --runs N]`. Its bundle, as Lambda gets it, in a process of its own against a server with
 * TLS here and a Secrets Manager of this process: from the import to the answer of `status`, whose query is its first. Beside it, in the same run, what no
 * function could do without: the same query by `pg` alone.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';

import { serverAccount } from '../../postgres/server/account';
import { count, print } from '../arguments';
import { type BenchmarkServer, withBenchmarkServer } from '../server';
import { median, spread } from '../statistics';

const root = dirname(dirname(dirname(__dirname)));
const bundle = join(root, 'dist', 'bundles', 'migration');

const FUNCTION = `
const started = performance.now();
const { handler } = require(process.argv[1] + '/index.js');
const imported = performance.now();
const context = { awsRequestId: 'benchmark', getRemainingTimeInMillis: () => 60000 };
handler({ action: 'status' }, context).then((report) => {
  if (report.status !== 'ok') throw new Error(JSON.stringify(report));
  process.stderr.write(JSON.stringify({ import: imported - started, all: performance.now() - started }));
  process.exit();
}).catch((error) => { console.error(error); process.exit(1); });`;

const ALONE = `
const started = performance.now();
const { Client } = require(process.argv[1]);
const imported = performance.now();
const { COACH_DATABASE_HOST: host, COACH_DATABASE_PORT: port, COACH_DATABASE_NAME: database } = process.env;
const ca = require('node:fs').readFileSync(process.env.COACH_DATABASE_CA_FILE, 'utf8');
const client = new Client({ host, port, database, user: 'postgres', password: process.env.PASSWORD, ssl: { ca } });
client.connect().then(() => client.query('SELECT 1')).then(() => {
  process.stderr.write(JSON.stringify({ import: imported - started, all: performance.now() - started }));
  process.exit();
}).catch((error) => { console.error(error); process.exit(1); });`;

/** Milliseconds. */
interface Start {
  import: number;
  all: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '15' } } });
  const runs = count('runs', values.runs);
  const files = readdirSync(bundle);
  const bytes = files.reduce((sum, name) => sum + statSync(join(bundle, name)).size, 0);
  const folder = mkdtempSync(join(tmpdir(), 'coach-benchmark-function-'));
  try {
    await withBenchmarkServer(async (server) => {
      const environment = await prepare(server, folder);
      const whole: Start[] = [];
      const alone: Start[] = [];
      for (let at = 0; at < runs; at += 1) {
        whole.push(await started(FUNCTION, bundle, environment.variables));
        alone.push(await started(ALONE, join(root, 'node_modules', 'pg'), environment.variables));
      }
      environment.secrets.close();
      print(`PostgreSQL ${server.version}, Node.js ${process.version}, ${runs} starts of each`);
      print(
        `bundle                          ${(bytes / 1e6).toFixed(2)} MB, ${((await zippedBytes(files)) / 1e6).toFixed(2)} MB compressed`,
      );
      print(`import of the bundle            ${seconds(whole, 'import')}`);
      print(`import to the answer of status  ${seconds(whole, 'all')}`);
      print(`pg alone, import to SELECT 1    ${seconds(alone, 'all')}`);
      print(`ratio                           ${(middle(whole) / middle(alone)).toFixed(2)}`);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const middle = (starts: readonly Start[]): number => median(starts.map(({ all }) => all));
const seconds = (starts: readonly Start[], key: keyof Start): string =>
  spread(starts.map((start) => start[key] / 1000));

/** What each file takes in the zip. */
async function zippedBytes(files: readonly string[]): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const contents = await Promise.all(files.map((name) => readFile(join(bundle, name))));
  return contents.reduce((sum, content) => sum + deflateRawSync(content).length, 0);
}

/** A certificate for the server, and a Secrets Manager that knows its superuser. */
async function prepare(
  server: BenchmarkServer,
  folder: string,
): Promise<{ variables: NodeJS.ProcessEnv; secrets: Server }> {
  const [key, certificate] = [join(folder, 'server.key'), join(folder, 'server.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2'];
  execFileSync('openssl', [...request, '-subj', '/CN=benchmark', '-addext', 'subjectAltName=IP:127.0.0.1'], {
    stdio: 'ignore',
  });
  const account = serverAccount({ uid: process.getuid?.(), root });
  if (account.switchUser) for (const path of [folder, key]) chownSync(path, account.uid, account.gid);
  const admin = await server.connect();
  await admin.query(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
  await admin.query(`ALTER SYSTEM SET ssl_cert_file = '${certificate}'`);
  await admin.query('ALTER SYSTEM SET ssl = on');
  await admin.query('SELECT pg_reload_conf()');
  const { host, port, user, password } = server.address;
  const secret = JSON.stringify({ Name: 'master', SecretString: JSON.stringify({ username: user, password }) });
  const secrets = createServer((incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(secret);
  });
  await new Promise<void>((resolve) => secrets.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(secrets.address() as AddressInfo).port}`;
  return {
    secrets,
    variables: {
      PATH: process.env['PATH'],
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'benchmark',
      AWS_SECRET_ACCESS_KEY: 'benchmark',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
      AWS_ENDPOINT_URL_S3: url,
      COACH_DATABASE_HOST: host,
      COACH_DATABASE_PORT: String(port),
      COACH_DATABASE_NAME: 'postgres',
      COACH_DATABASE_CA_FILE: certificate,
      COACH_MASTER_SECRET: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:master',
      COACH_ARTIFACTS_BUCKET: 'artifacts',
      COACH_STACK: 'prod',
      PASSWORD: password,
    },
  };
}

async function started(script: string, argument: string, env: NodeJS.ProcessEnv): Promise<Start> {
  const { stderr } = await promisify(execFile)(process.execPath, ['-e', script, argument], { env });
  const line = stderr.split('\n').find((text) => text.startsWith('{"import"'));
  if (line === undefined) throw new Error(`The process measured nothing:\n${stderr}`);
  return JSON.parse(line) as Start;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
