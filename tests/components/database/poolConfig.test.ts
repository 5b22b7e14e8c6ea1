import { describe, expect, it } from 'vitest';

import { connectionPoolConfig } from '../../../components/database/poolConfig';

const pool = { min: 2, max: 10, acquireTimeoutMs: 30_000 };

describe('the pool of the proxy', () => {
  it('opens no more connections than the role of the application may hold', () => {
    for (const roleLimit of [5, 20, 100, 400])
      for (const maxConnections of [100, 450, 5000]) {
        const { maxConnectionsPercent } = connectionPoolConfig({ pool, roleLimit, maxConnections });
        // One percent is the least that there is.
        expect((maxConnectionsPercent * maxConnections) / 100).toBeLessThanOrEqual(
          Math.max(roleLimit, maxConnections / 100),
        );
      }
    expect(connectionPoolConfig({ pool, roleLimit: 20, maxConnections: 450 }).maxConnectionsPercent).toBe(4);
  });

  it('leaves a fifth of the server to others, whatever the role may', () => {
    for (const roleLimit of [-1, 450])
      expect(connectionPoolConfig({ pool, roleLimit, maxConnections: 450 }).maxConnectionsPercent).toBe(80);
  });

  it('keeps as large a share idle as the application does, at least one percent and never more than it opens', () => {
    const idle = (min: number): number =>
      connectionPoolConfig({ pool: { ...pool, min }, roleLimit: -1, maxConnections: 100 }).maxIdleConnectionsPercent;
    expect([0, 2, 10].map(idle)).toEqual([1, 16, 80]);
  });

  it.each([
    [30_000, 30],
    [1, 1],
    [3_600_000, 300],
  ])('lets a client that waits %i ms wait %i s', (acquireTimeoutMs, seconds) => {
    const config = connectionPoolConfig({ pool: { ...pool, acquireTimeoutMs }, roleLimit: 20, maxConnections: 100 });
    expect(config.connectionBorrowTimeout).toBe(seconds);
  });
});
