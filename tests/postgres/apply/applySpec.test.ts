import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { type RdsServer, startRds } from '../../support/rdsMaster';
import { applyTo, changed, specOf } from './support';

let server: RdsServer;
beforeAll(async () => {
  server = await startRds(inject('cluster').binaries);
});
afterAll(() => server.stop());

describe('applySpec by a master', () => {
  it('makes everything on an empty server, and a second run finds nothing to do', async () => {
    const spec = specOf();
    const first = await applyTo(server, spec);
    expect(changed(first)).toContain('audit trail');
    expect(first.migrations).toEqual({ applied: ['20250101000000_baseline'], pending: [] });
    expect(first.warnings).toEqual([]);
    const second = await applyTo(server, spec);
    expect(changed(second)).toEqual([]);
    expect(second.warnings).toEqual([]);
  });
});
