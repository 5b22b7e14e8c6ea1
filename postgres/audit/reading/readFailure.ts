import { codeOf, PlatformError } from '../../../system/errors';
import { SqlState } from '../../connection/sqlstate';
import type { TrailRef } from '../names';

/** What went wrong while the trail was read: not there, of an earlier version, or not for this role. */
export function readFailure(spec: TrailRef, error: unknown): unknown {
  const trail = `${spec.schema}.${spec.table}`;
  const options = { object: trail, cause: error };
  const remedy = 'Run `npm run up`.';
  switch (codeOf(error)) {
    case SqlState.undefinedTable:
    case SqlState.undefinedSchema:
      return new PlatformError('audit-missing', `There is no audit trail ${trail} in this database.`, remedy, options);
    case SqlState.undefinedFunction:
    case SqlState.undefinedColumn:
      return new PlatformError(
        'audit-outdated',
        `The audit trail ${trail} is as an earlier version of this project left it.`,
        remedy,
        options,
      );
    case SqlState.insufficientPrivilege:
      return new PlatformError(
        'audit-denied',
        `This role may not read the audit trail ${trail}.`,
        'Connect as the auditor (coach:roles.auditor), or as a superuser.',
        { ...options, kind: 'refused' },
      );
    default:
      return error;
  }
}
