import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

import { credentials, type ServiceError } from '@grpc/grpc-js';
import { ResourceProviderClient } from '@pulumi/pulumi/proto/provider_grpc_pb';
import * as proto from '@pulumi/pulumi/proto/provider_pb';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';

import { errorFromText, PlatformError } from '../../system/errors';
import { startSdk } from '../protocol/sdkProcess';
import type { CheckResult, DiffResult, Properties, ResourceProvider } from './provider';

export const DYNAMIC_PACKAGE = 'pulumi-nodejs';
const MESSAGE_LIMIT_BYTES = 400 * 1024 * 1024;

/**
 * Our own resource types, run by the SDK's dynamic-provider process as Pulumi runs them. The process is started at once,
 * since its start overlaps with the program's, and connected to with the first call.
 */
export function startDynamicProvider(options: {
  /** Folder the process runs in: where the compiled program lies, as Pulumi has it. */
  folder: string;
  engineAddress: string;
  preload: readonly string[];
  environment: NodeJS.ProcessEnv;
  onOutput: (line: string) => void;
}): ResourceProvider {
  const child = startSdk('dynamic-provider', options.preload, {
    cwd: options.folder,
    args: [options.engineAddress],
    environment: options.environment,
  });
  const client = portOf(child, options.onOutput).then(
    (port) =>
      new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
        'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
        'grpc.max_send_message_length': MESSAGE_LIMIT_BYTES,
      }),
  );
  // Reported by the first call that needs the process.
  client.catch(() => undefined);
  return new DynamicProvider(child, client);
}

/** The process prints its port as its first line; everything after is handlers' own output. */
function portOf(child: ChildProcess, onOutput: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let first: string | undefined = '';
    let complaints = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      let text = chunk.toString('utf8');
      if (first !== undefined) {
        first += text;
        const end = first.indexOf('\n');
        if (end < 0) return;
        resolve(Number(first.slice(0, end)));
        text = first.slice(end + 1);
        first = undefined;
      }
      for (const line of text.split('\n')) if (line.trim() !== '') onOutput(line);
    });
    child.stderr?.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString('utf8')).slice(-4000)));
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', onOutput);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(
        new PlatformError(
          'dynamic-provider-failed',
          `The process that runs our resource types ended before it answered (exit code ${String(code)}): ${complaints}`,
          'Run `npm run build`, then try again.',
        ),
      ),
    );
  });
}

class DynamicProvider implements ResourceProvider {
  constructor(
    private readonly child: ChildProcess,
    private readonly client: Promise<ResourceProviderClient>,
  ) {}

  async check(_type: string, olds: Properties | undefined, news: Properties): Promise<CheckResult> {
    const request = new proto.CheckRequest().setNews(struct(news)).setOlds(struct(olds ?? {}));
    const client = await this.client;
    const response = await call<proto.CheckResponse>((done) => client.check(request, done));
    const failures = response.getFailuresList().map((f) => ({ property: f.getProperty(), reason: f.getReason() }));
    return { inputs: plain(response.getInputs()), failures };
  }

  async diff(
    _type: string,
    id: string,
    olds: Properties,
    oldInputs: Properties,
    news: Properties,
  ): Promise<DiffResult> {
    const request = new proto.DiffRequest()
      .setId(id)
      .setOlds(struct(olds))
      .setOldInputs(struct(oldInputs))
      .setNews(struct(news));
    const client = await this.client;
    const response = await call<proto.DiffResponse>((done) => client.diff(request, done));
    const none = response.getChanges() === proto.DiffResponse.DiffChanges.DIFF_NONE;
    const replaces = response.getReplacesList();
    const result = { changed: none && replaces.length === 0 ? [] : [''], replaces };
    return response.getDeletebeforereplace() ? { ...result, deleteBeforeReplace: true } : result;
  }

  async create(_type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const client = await this.client;
    const request = new proto.CreateRequest().setProperties(struct(inputs));
    const response = await call<proto.CreateResponse>((done) => client.create(request, done));
    return { id: response.getId(), outputs: plain(response.getProperties()) };
  }

  async read(
    _type: string,
    id: string,
    outputs: Properties,
    inputs: Properties,
  ): Promise<{ id: string; outputs: Properties } | undefined> {
    const request = new proto.ReadRequest().setId(id).setProperties(struct(outputs)).setInputs(struct(inputs));
    const client = await this.client;
    const response = await call<proto.ReadResponse>((done) => client.read(request, done));
    if (response.getId() === '') return undefined;
    return { id: response.getId(), outputs: plain(response.getProperties()) };
  }

  async update(
    _type: string,
    id: string,
    olds: Properties,
    oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }> {
    const request = new proto.UpdateRequest()
      .setId(id)
      .setOlds(struct(olds))
      .setOldInputs(struct(oldInputs))
      .setNews(struct(news));
    const client = await this.client;
    const response = await call<proto.UpdateResponse>((done) => client.update(request, done));
    return { outputs: plain(response.getProperties()) };
  }

  async delete(_type: string, id: string, outputs: Properties): Promise<void> {
    const request = new proto.DeleteRequest().setId(id).setProperties(struct(outputs));
    const client = await this.client;
    await call((done) => client.delete(request, done));
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) resolve();
      else this.child.once('exit', () => resolve());
    });
    await this.client.then(
      (client) => client.close(),
      () => undefined,
    );
    this.child.kill('SIGTERM');
    await ended;
  }
}

type Done<R> = (error: ServiceError | null, response: R) => void;

function call<R>(start: (done: Done<R>) => void): Promise<R> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error ? reject(providerFailure(error)) : resolve(response)));
  });
}

/** A handler failed: what its text still carries of a PlatformError, else the text alone. */
function providerFailure(error: ServiceError): PlatformError {
  const remedy = 'The server’s log (`npm run coachdb -- logs`) may say more.';
  return (
    errorFromText(error.details, { cause: error }) ??
    new PlatformError('resource-failed', error.details, remedy, { cause: error })
  );
}

function struct(properties: Properties): Struct {
  return Struct.fromJavaScript(properties);
}

function plain(properties: Struct | undefined): Properties {
  return properties?.toJavaScript() ?? {};
}
