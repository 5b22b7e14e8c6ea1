import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb';
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb';
import * as proto from '@pulumi/pulumi/proto/provider_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';

import type { GivenPackage, Properties, ResourceProvider } from '../../engine/apply/provider';

const LIMIT = 400 * 1024 * 1024;

export interface PulumiProvider {
  port: number;
  stop(): void;
}

/**
 * The stand-in as Pulumi's engine finds a provider by PULUMI_DEBUG_PROVIDERS=NAME:PORT. Each provider resource of the program is a connection of its own.
 * It knows nothing of a preview: Pulumi asks it then for checks and differences alone.
 */
export async function servePulumiProvider(given: GivenPackage, version: string): Promise<PulumiProvider> {
  const open = new Map<string, ResourceProvider>();
  const providerOf = (call: Call<unknown>): ResourceProvider => {
    const provider = open.get(call.getPeer());
    if (provider === undefined) throw new Error('The provider is not configured.');
    return provider;
  };
  const server = new Server({ 'grpc.max_receive_message_length': LIMIT, 'grpc.max_send_message_length': LIMIT });
  const empty = answering(() => Promise.resolve(new Empty()));
  server.addService(ResourceProviderService, {
    attach: empty,
    cancel: empty,
    getPluginInfo: answering(() => Promise.resolve(new PluginInfo().setVersion(version))),
    checkConfig: answering((call: Call<proto.CheckRequest>) =>
      Promise.resolve(new proto.CheckResponse().setInputs(call.request.getNews())),
    ),
    diffConfig: answering(() => Promise.resolve(new proto.DiffResponse())),
    configure: answering((call: Call<proto.ConfigureRequest>) => {
      open.set(call.getPeer(), given.open(plain(call.request.getArgs())));
      return Promise.resolve(new proto.ConfigureResponse());
    }),
    invoke: answering(async (call: Call<proto.InvokeRequest>) => {
      const answer = given.invokes?.[call.request.getTok()];
      if (answer === undefined) throw new Error(`The stand-in does not answer ${call.request.getTok()}.`);
      return new proto.InvokeResponse().setReturn(struct(await answer(plain(call.request.getArgs()))));
    }),
    check: answering(async (call: Call<proto.CheckRequest>) => {
      const { request } = call;
      const olds = request.getOlds() === undefined ? undefined : plain(request.getOlds());
      const { inputs } = await providerOf(call).check(
        typeOf(request),
        olds,
        plain(request.getNews()),
        request.getUrn(),
      );
      return new proto.CheckResponse().setInputs(struct(inputs));
    }),
    diff: answering(async (call: Call<proto.DiffRequest>) => {
      const { request } = call;
      const [olds, oldInputs, news] = [request.getOlds(), request.getOldInputs(), request.getNews()].map(plain);
      const found = await providerOf(call).diff(
        typeOf(request),
        request.getId(),
        olds ?? {},
        oldInputs ?? {},
        news ?? {},
      );
      const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
      const ignored = new Set(request.getIgnorechangesList());
      const changed = found.changed.filter((key) => !ignored.has(key));
      return new proto.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList(changed)
        .setReplacesList(found.replaces.filter((key) => !ignored.has(key)))
        .setDeletebeforereplace(found.deleteBeforeReplace === true);
    }),
    create: answering(async (call: Call<proto.CreateRequest>) => {
      const { request } = call;
      const { id, outputs } = await providerOf(call).create(typeOf(request), plain(request.getProperties()));
      return new proto.CreateResponse().setId(id).setProperties(struct(outputs));
    }),
    read: answering(async (call: Call<proto.ReadRequest>) => {
      const { request } = call;
      const [outputs, inputs] = [plain(request.getProperties()), plain(request.getInputs())];
      const found = await providerOf(call).read(typeOf(request), request.getId(), outputs, inputs);
      if (found === undefined) return new proto.ReadResponse();
      return new proto.ReadResponse()
        .setId(found.id)
        .setProperties(struct(found.outputs))
        .setInputs(struct(seenIn(inputs, found.outputs)));
    }),
    update: answering(async (call: Call<proto.UpdateRequest>) => {
      const { request } = call;
      const [olds, oldInputs, news] = [request.getOlds(), request.getOldInputs(), request.getNews()].map(plain);
      const provider = providerOf(call);
      const type = typeOf(request);
      const { outputs } = await provider.update(type, request.getId(), olds ?? {}, oldInputs ?? {}, news ?? {});
      return new proto.UpdateResponse().setProperties(struct(outputs));
    }),
    delete: answering(async (call: Call<proto.DeleteRequest>) => {
      const { request } = call;
      await providerOf(call).delete(typeOf(request), request.getId(), plain(request.getProperties()));
      return new Empty();
    }),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, stop: () => server.forceShutdown() };
}

type Call<Request> = Pick<ServerUnaryCall<Request, unknown>, 'request' | 'getPeer'>;

/** What a promise answers, or its message as the error that Pulumi shows. */
function answering<Request, Answer>(work: (call: Call<Request>) => Promise<Answer>) {
  return (call: ServerUnaryCall<Request, Answer>, done: sendUnaryData<Answer>): void => {
    work(call).then(
      (answer) => done(null, answer),
      (error: unknown) => done({ code: status.UNKNOWN, details: (error as Error).message }),
    );
  };
}

/** Inputs as they are now: what was declared and has become another value or is gone. */
const seenIn = (inputs: Properties, outputs: Properties): Properties =>
  Object.fromEntries(Object.keys(inputs).flatMap((key) => (key in outputs ? [[key, outputs[key]]] : []))) as Properties;

const typeOf = (request: { getUrn(): string }): string =>
  (request.getUrn().split('::')[2] ?? '').split('$').at(-1) ?? '';

const plain = (value: Struct | undefined): Properties => value?.toJavaScript() ?? {};

const struct = (value: Properties): Struct => Struct.fromJavaScript(value);
