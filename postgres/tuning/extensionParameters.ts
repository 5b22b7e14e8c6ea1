import type { ParameterContext, ParameterSpec, ParameterType } from './parameter';

const of = (extension: string, type: ParameterType, context: ParameterContext, names: string): ParameterSpec[] =>
  names.split(' ').map((name) => ({ name: `${extension}.${name}`, type, context }));

/**
 * Parameters of extensions that this project knows and PostgreSQL does not bring along, from their READMEs. Those of any other one (a name with
 * one dot) are passed on unchecked: their meaning is the extension's.
 */
export const extensionParameters: readonly ParameterSpec[] = [
  ...of('pgaudit', 'list', 'superuser', 'log'),
  ...of('pgaudit', 'bool', 'superuser', 'log_catalog log_parameter log_relation'),
  ...of('pgaudit', 'string', 'superuser', 'role'),
  ...of('cron', 'string', 'postmaster', 'database_name'),
  ...of('cron', 'bool', 'postmaster', 'use_background_workers log_run'),
];
