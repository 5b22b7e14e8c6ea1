import type { MigrationReport } from '../../postgres/apply/request';
import type { Problem } from '../../system/errors';

/** What an action found out or did. */
export interface Answer {
  status: MigrationReport['status'];
  problems?: Problem[];
  /** The fields of the report that are the action's own. */
  fields: Record<string, unknown>;
}
