import type { Problem } from '../../system/errors';
import type { IndexDescription } from './description';

/** Why an index must not be replaced or dropped here: something other than queries stands on it. */
export function protection(index: IndexDescription, what: 'replaced' | 'dropped'): Problem | undefined {
  const object = `${index.schema}.${index.name}`;
  const { constraint, attachedTo, foreignKeys } = index.status;
  if (constraint !== null) {
    return {
      code: 'index-backs-constraint',
      message: `Index ${object} on ${index.table} backs the ${constraint.kind} constraint ${constraint.name}, so it is not ${what} here.`,
      remedy: `Change the constraint in a migration, or give the declared index a name of its own.`,
      object,
    };
  }
  if (attachedTo !== null) {
    return {
      code: 'index-of-partition',
      message: `Index ${object} on ${index.table} is part of index ${attachedTo} of the partitioned table, so it is not ${what} by itself.`,
      remedy: `Give the declared index another name; ${attachedTo} and its parts belong to the migration that made them.`,
      object,
    };
  }
  if (foreignKeys.length > 0) {
    return {
      code: 'index-needed-by-foreign-key',
      message: `Index ${object} on ${index.table} is what foreign key ${foreignKeys.join(', ')} relies on, so it is not ${what} here.`,
      remedy: 'Drop the foreign key in a migration, run again, and add it back.',
      object,
    };
  }
  return undefined;
}
