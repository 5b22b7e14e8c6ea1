import { credentials } from '@grpc/grpc-js';
import * as engineGrpc from '@pulumi/pulumi/proto/engine_grpc_pb';
import * as engineProto from '@pulumi/pulumi/proto/engine_pb';
import { expect, it } from 'vitest';

import { serveMonitor, type Severity } from '../../../engine/protocol/monitor';

it('passes on what the program logs, but for debug messages, which hold secrets in the clear', async () => {
  const logged: [Severity, string, string][] = [];
  const unused = (): never => {
    throw new Error('not called');
  };
  const monitor = await serveMonitor({
    register: unused,
    registerOutputs: unused,
    read: unused,
    invoke: unused,
    log: (...line) => logged.push(line),
  });
  const client = new engineGrpc.EngineClient(monitor.address, credentials.createInsecure());
  try {
    const { DEBUG, INFO, WARNING, ERROR } = engineProto.LogSeverity;
    for (const severity of [DEBUG, INFO, WARNING, ERROR]) {
      const request = new engineProto.LogRequest();
      request.setSeverity(severity);
      request.setMessage(`password ${severity}`);
      request.setUrn('urn');
      await new Promise<void>((resolve, reject) => {
        client.log(request, (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    client.close();
    monitor.close();
  }
  expect(logged).toEqual([
    ['info', `password ${engineProto.LogSeverity.INFO}`, 'urn'],
    ['warning', `password ${engineProto.LogSeverity.WARNING}`, 'urn'],
    ['error', `password ${engineProto.LogSeverity.ERROR}`, 'urn'],
  ]);
});
