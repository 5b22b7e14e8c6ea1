import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall, status } from '@grpc/grpc-js';
import * as engineGrpc from '@pulumi/pulumi/proto/engine_grpc_pb';
import * as engineProto from '@pulumi/pulumi/proto/engine_pb';
import * as providerProto from '@pulumi/pulumi/proto/provider_pb';
import * as resourceGrpc from '@pulumi/pulumi/proto/resource_grpc_pb';
import * as resourceProto from '@pulumi/pulumi/proto/resource_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';

import { messageOf } from '../../system/errors';
import type { PropertyMap } from '../state/values';
import { decodeRegistration, type Registration } from './registration';
import { fromStruct, toStruct } from './wire';

export type Severity = 'debug' | 'info' | 'warning' | 'error';

/** What the program's calls arrive at; one implementation draws the graph, the other applies. */
export interface Monitor {
  register(registration: Registration): Promise<{ urn: string; id?: string; outputs: PropertyMap }>;
  registerOutputs(urn: string, outputs: PropertyMap): Promise<void>;
  /** `Type.get(...)`: reads a resource that this program does not manage. */
  read(request: { type: string; name: string; id: string; parent: string; inputs: PropertyMap }): Promise<{
    urn: string;
    outputs: PropertyMap;
  }>;
  /** A `get*` function of a provider. */
  invoke(token: string, args: PropertyMap): Promise<PropertyMap>;
  log(severity: Severity, message: string, urn: string): void;
}

/** Features of the protocol this engine speaks; the SDK falls back where it does not. */
const FEATURES = new Set(['secrets', 'deletedWith', 'aliasSpecs']);

export interface RunningMonitor {
  address: string;
  close(): void;
}

const MESSAGE_LIMIT_BYTES = 400 * 1024 * 1024;

/** Serves Pulumi's ResourceMonitor and Engine services on a loopback port of the system's choosing. */
export async function serveMonitor(monitor: Monitor): Promise<RunningMonitor> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
    'grpc.max_send_message_length': MESSAGE_LIMIT_BYTES,
  });
  server.addService(resourceGrpc.ResourceMonitorService, resourceService(monitor));
  server.addService(engineGrpc.EngineService, engineService(monitor));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

type Call<Q, R> = (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>) => void;

function unary<Q, R>(answer: (request: Q) => Promise<R>): Call<Q, R> {
  return (call, callback) => {
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback({ code: status.UNKNOWN, details: messageOf(error) }),
    );
  };
}

function refused(what: string): Call<unknown, never> {
  return (_call, callback) =>
    callback({ code: status.UNIMPLEMENTED, details: `${what} is not supported by the embedded engine` });
}

function resourceService(monitor: Monitor): resourceGrpc.IResourceMonitorServer {
  return {
    supportsFeature: unary((request: resourceProto.SupportsFeatureRequest) => {
      const response = new resourceProto.SupportsFeatureResponse();
      return Promise.resolve(response.setHassupport(FEATURES.has(request.getId())));
    }),
    registerResource: unary(async (request: resourceProto.RegisterResourceRequest) => {
      const registered = await monitor.register(decodeRegistration(request));
      const response = new resourceProto.RegisterResourceResponse();
      response.setUrn(registered.urn);
      if (registered.id !== undefined) response.setId(registered.id);
      return response.setObject(toStruct(registered.outputs));
    }),
    registerResourceOutputs: unary(async (request: resourceProto.RegisterResourceOutputsRequest) => {
      await monitor.registerOutputs(request.getUrn(), fromStruct(request.getOutputs()));
      return new Empty();
    }),
    readResource: unary(async (request: resourceProto.ReadResourceRequest) => {
      const found = await monitor.read({
        type: request.getType(),
        name: request.getName(),
        id: request.getId(),
        parent: request.getParent(),
        inputs: fromStruct(request.getProperties()),
      });
      const response = new resourceProto.ReadResourceResponse();
      response.setUrn(found.urn);
      return response.setProperties(toStruct(found.outputs));
    }),
    invoke: unary(async (request: resourceProto.ResourceInvokeRequest) => {
      const result = await monitor.invoke(request.getTok(), fromStruct(request.getArgs()));
      return new providerProto.InvokeResponse().setReturn(toStruct(result));
    }),
    signalAndWaitForShutdown: unary(() => Promise.resolve(new Empty())),
    getDeploymentInfo: refused('getDeploymentInfo'),
    call: refused('A provider method call'),
    registerStackTransform: refused('A stack transform'),
    registerStackInvokeTransform: refused('A stack invoke transform'),
    registerResourceHook: refused('A resource hook'),
    registerErrorHook: refused('An error hook'),
    registerPackage: refused('A parameterized package'),
  };
}

function engineService(monitor: Monitor): engineGrpc.IEngineServer {
  let root = '';
  const severities: Record<number, Severity> = {
    [engineProto.LogSeverity.DEBUG]: 'debug',
    [engineProto.LogSeverity.INFO]: 'info',
    [engineProto.LogSeverity.WARNING]: 'warning',
    [engineProto.LogSeverity.ERROR]: 'error',
  };
  return {
    log: unary((request: engineProto.LogRequest) => {
      const severity = severities[request.getSeverity()] ?? 'info';
      // The SDK's debug messages hold whole requests, secrets in the clear.
      if (severity !== 'debug') monitor.log(severity, request.getMessage(), request.getUrn());
      return Promise.resolve(new Empty());
    }),
    getRootResource: unary(() => Promise.resolve(new engineProto.GetRootResourceResponse().setUrn(root))),
    setRootResource: unary((request: engineProto.SetRootResourceRequest) => {
      root = request.getUrn();
      return Promise.resolve(new engineProto.SetRootResourceResponse());
    }),
    startDebugging: unary(() => Promise.resolve(new Empty())),
    requirePulumiVersion: unary(() => Promise.resolve(new engineProto.RequirePulumiVersionResponse())),
  };
}
