/** SQLSTATE codes branched on anywhere (PostgreSQL manual, appendix A). Never branch on message text. */
export const SqlState = {
  invalidPassword: '28P01',
  invalidAuthorization: '28000',
  invalidCatalogName: '3D000',
  duplicateDatabase: '42P04',
  duplicateObject: '42710',
  duplicateSchema: '42P06',
  duplicateTable: '42P07',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedObject: '42704',
  undefinedSchema: '3F000',
  undefinedFile: '58P01',
  featureNotSupported: '0A000',
  insufficientPrivilege: '42501',
  syntaxError: '42601',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  databaseDropped: '57P04',
  diskFull: '53100',
  tooManyConnections: '53300',
  uniqueViolation: '23505',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  objectInUse: '55006',
  dependentObjects: '2BP01',
  invalidParameterValue: '22023',
  cantChangeRuntimeParam: '55P02',
  activeTransaction: '25001',
  readOnlyTransaction: '25006',
  invalidTransactionTermination: '2D000',
  unsafeNewEnumValue: '55P04',
  reservedName: '42939',
  internalError: 'XX000',
  undefinedFunction: '42883',
  objectNotInPrerequisiteState: '55000',
} as const;

export type SqlStateCode = (typeof SqlState)[keyof typeof SqlState];

/** The SQLSTATE (or Node's code: ECONNREFUSED, ...) of a thrown value, or undefined. */
export function stateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
