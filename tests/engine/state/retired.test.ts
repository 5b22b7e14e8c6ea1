import { describe, expect, it } from 'vitest';

import { type CheckpointFile, newCheckpoint } from '../../../engine/state/checkpointFile';
import { withoutRetired } from '../../../engine/state/retired';

const urn = (type: string, name: string): string => `urn:pulumi:local::coach::${type}::${name}`;
const TABLES = urn('coach:schema:TableGrants$postgresql:index/grant:Grant', 'tables-inclusive-public-table');
const DATABASE = urn('coach:database:Database$postgresql:index/grant:Grant', 'database-inclusive-database');

function fileOf(resources: Record<string, unknown>[]): CheckpointFile {
  const file = newCheckpoint('local', 'coach', 'salt');
  const latest = file.checkpoint.latest;
  if (latest === undefined) throw new Error('no deployment');
  return { ...file, checkpoint: { ...file.checkpoint, latest: { ...latest, resources } } };
}

describe('withoutRetired', () => {
  it('forgets grants on tables and whatever names them, and nothing else', () => {
    const server = { urn: urn('pulumi-nodejs:dynamic/coach:Server', 'server') };
    const trail = { urn: urn('pulumi-nodejs:dynamic/coach:AuditTrail', 'audit-trail') };
    const settled = withoutRetired(
      fileOf([
        server,
        { urn: DATABASE, dependencies: [server.urn] },
        { urn: TABLES, dependencies: [DATABASE], deletedWith: server.urn },
        { ...trail, dependencies: [DATABASE, TABLES], propertyDependencies: { tables: [TABLES], owner: [] } },
      ]),
    );
    expect(settled.checkpoint.latest?.resources).toEqual([
      server,
      { urn: DATABASE, dependencies: [server.urn] },
      { ...trail, dependencies: [DATABASE], propertyDependencies: { tables: [], owner: [] } },
    ]);
  });

  it('is the same file where there is nothing to forget', () => {
    const file = fileOf([{ urn: DATABASE }]);
    expect(withoutRetired(file)).toBe(file);
  });
});
