import { describe, expect, it } from 'vitest';

import { EventCollector } from '../../../engine/pulumi/collector';
import { ResourceErrors } from '../../../engine/pulumi/resourceError';
import { errorText, PlatformError } from '../../../system/errors';

const SERVER = 'urn:pulumi:local::coach::coach:Group$pulumi-nodejs:dynamic/coach:Server::server';
const TAKEN = new PlatformError(
  'port-taken',
  'Port 5432 on 127.0.0.1 is taken by process 7.',
  'Stop that process, or set coach:server.port.',
  { kind: 'usage' },
);
const HUGE = new PlatformError('parameter-refused', 'work_mem is too big.', 'Make it smaller.', { kind: 'usage' });

function property(name: string, value: string, reason: string): string {
  return `pulumi-nodejs:dynamic/coach:Server resource 'server': property ${name} value {${value}} has a problem: ${reason}\n`;
}

function errorOf(...texts: string[]): PlatformError | undefined {
  const errors = new ResourceErrors();
  for (const text of texts) errors.add(SERVER, text);
  return errors.of(SERVER);
}

describe('what Pulumi says of a resource', () => {
  it('is the error of the handler that wrote it', () => {
    expect(errorOf(`${errorText(TAKEN)}\n`)).toMatchObject({
      code: 'port-taken',
      message: TAKEN.message,
      remedy: TAKEN.remedy,
      kind: 'usage',
      object: SERVER,
    });
  });

  it('is the one its check refused it with, without Pulumi’s words around it', () => {
    expect(errorOf(property('port', '5432', errorText(TAKEN)))).toMatchObject({
      code: 'port-taken',
      message: TAKEN.message,
    });
    const whole = `pulumi-nodejs:dynamic/coach:Server resource 'server' has a problem: ${errorText(TAKEN)}`;
    expect(errorOf(whole)).toMatchObject({ code: 'port-taken', message: TAKEN.message, remedy: TAKEN.remedy });
  });

  it('is everything that a check refused, told together', () => {
    const parameters = property('parameters', 'map[a:{[{b}\n]}]', errorText(HUGE));
    expect(errorOf(property('port', '5432', errorText(TAKEN)), parameters)).toMatchObject({
      code: 'inputs-refused',
      kind: 'usage',
      message: expect.stringMatching(/server:\nport: Port 5432[^]*\nparameters: work_mem is too big/) as string,
    });
  });

  it('is the last word of a provider that says it twice', () => {
    expect(
      errorOf('  sdk-v2/provider2.go:571: no such role', '1 error occurred:\n\t* no such role (42704)\n\n'),
    ).toMatchObject({
      code: 'resource-failed',
      message: 'pulumi-nodejs:dynamic/coach:Server server: no such role (42704)',
    });
  });

  it('shows in the tree also where no step was begun, and counts as nothing', () => {
    const collector = new EventCollector({ operation: 'up', onChange: () => undefined, onMessage: () => undefined });
    const message = property('port', '5432', errorText(TAKEN));
    collector.accept({ diagnosticEvent: { urn: SERVER, message, severity: 'error' } }, 0);
    collector.accept({ summaryEvent: { result: 'failed', durationSeconds: 1, resourceChanges: {} } }, 1);
    const { changes, counts, problems } = collector.result(1);
    expect(changes).toMatchObject([{ urn: SERVER, name: 'server', error: `${TAKEN.message}\n${TAKEN.remedy}` }]);
    expect(counts.update).toBe(0);
    expect(problems).toMatchObject([{ code: 'port-taken', object: SERVER }]);
  });
});
