import type { ResourceChange } from '../engine/changes';
import type { Violation } from './rule';
import { BUCKET, INSTANCE, KEY } from './types';

/** A rule over what a run would do, rather than over what is declared. */
export interface PlanRule {
  id: string;
  title: string;
  check: (changes: readonly ResourceChange[]) => Violation[];
}

const KEPT: readonly string[] = [INSTANCE, KEY, BUCKET];
/** A replica holds nothing of its own; a change tells it from its source by its name alone. */
const REPLICA = /-replica-\d+$/;

/**
 * Properties whose change AWS answers with another database, key or bucket. An offline comparison knows no provider that would say so itself;
 * from the documentation of each resource.
 */
const REPLACING: Readonly<Record<string, readonly string[]>> = {
  [INSTANCE]: [
    'availabilityZone',
    'characterSetName',
    'dbName',
    'engine',
    'kmsKeyId',
    'restoreToPointInTime',
    'snapshotIdentifier',
    'storageEncrypted',
    'timezone',
    'username',
  ],
  [KEY]: ['customerMasterKeySpec', 'keyUsage', 'multiRegion', 'xksKeyId'],
  [BUCKET]: ['bucket', 'bucketPrefix', 'objectLockEnabled'],
};

export const planRules: readonly PlanRule[] = [
  {
    id: 'plan-keeps-data',
    title: 'No database, key or bucket is replaced or deleted',
    check: (changes) =>
      changes
        .filter(({ type, name }) => KEPT.includes(type) && !(type === INSTANCE && REPLICA.test(name)))
        .flatMap((change) => {
          const { urn, type, operation } = change;
          if (operation === 'delete') return [{ urn, message: 'it would be deleted' }];
          if (operation === 'replace') {
            const why = change.replaces.length === 0 ? '' : ` (${change.replaces.join(', ')})`;
            return [{ urn, message: `it would be replaced${why}` }];
          }
          const by = change.changed
            .map(({ path }) => path.split(/[.[]/)[0] ?? path)
            .filter((property) => operation === 'update' && REPLACING[type]?.includes(property));
          return by.length === 0 ? [] : [{ urn, message: `it would be replaced (${by.join(', ')})` }];
        }),
  },
];
