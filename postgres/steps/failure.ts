import { codeOf, messageOf, PlatformError } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import { RESERVED_NAMES } from '../roles/reserved';

const CAUSES: Record<string, { code: string; remedy: string }> = {
  [SqlState.insufficientPrivilege]: {
    code: 'privilege-missing',
    remedy:
      'The account that deploys needs more rights: in the local stack it is the superuser of coach:database.adminUser.',
  },
  [SqlState.undefinedObject]: {
    code: 'object-missing',
    remedy: 'Declare what the message names as missing, or create it, and run again.',
  },
  [SqlState.undefinedSchema]: {
    code: 'schema-missing',
    remedy: 'A migration has to create the schema before anything is granted in it.',
  },
  [SqlState.undefinedTable]: {
    code: 'object-missing',
    remedy: 'A migration has to create the object before anything is granted on it.',
  },
  [SqlState.undefinedFunction]: {
    code: 'object-missing',
    remedy: 'A migration has to create the function before anything is granted on it.',
  },
  [SqlState.objectInUse]: {
    code: 'database-in-use',
    remedy: 'Stop the application and whatever else is connected to it, then run again.',
  },
  [SqlState.reservedName]: {
    code: 'name-reserved',
    remedy: `PostgreSQL keeps ${RESERVED_NAMES} for itself: give another name.`,
  },
};

/** A failed statement as an error a user can act on. `doing` begins the message: `Granting SELECT to reporting`. */
export function statementFailure(error: unknown, doing: string, object: string): PlatformError {
  if (error instanceof PlatformError) return error;
  const state = codeOf(error);
  const { detail, hint } = (typeof error === 'object' ? (error ?? {}) : {}) as { detail?: string; hint?: string };
  const message = messageOf(error);
  const told = [message, detail, hint].filter((part) => part !== undefined && part !== '').join(' ');
  const known = CAUSES[state ?? ''];
  return new PlatformError(
    known?.code ?? 'statement-failed',
    `${doing} failed${state === undefined ? '' : ` (${state})`}: ${told}`,
    known?.remedy ?? 'Mend what the message names; `npm run coachdb -- logs` shows what the server says about it.',
    { object, cause: error },
  );
}
