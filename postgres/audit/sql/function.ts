import { sqlFile } from './file';

/** A function as it should be; the catalog is compared with every part of it. */
export interface AuditFunction {
  name: string;
  /** As pg_get_function_identity_arguments prints them. */
  arguments: string;
  /** Arguments with defaults. */
  declared: string;
  returns: string;
  /** `search_path=pg_catalog, pg_temp`, as pg_proc.proconfig has it. */
  config: string[];
  source: string;
  /** `owner`: the trail's owner; `admin`: the role that applies, where the work needs a superuser. */
  ownedBy: 'owner' | 'admin';
  /** Who may call it besides its owner. All run as their owner (SECURITY DEFINER). */
  execute: readonly string[];
}

const DEFINITION =
  /^CREATE FUNCTION audit\.(?<name>\w+)\((?<declared>.*)\) RETURNS (?<returns>.*)\nLANGUAGE plpgsql SECURITY DEFINER\n(?<settings>(?:(?:SET|--) .*\n)+)AS \$\$(?<source>[^]*)\$\$;\n$/m;

/** The function of a file, for nobody but its owner to call. */
export function functionOf(file: string): AuditFunction {
  const parts = DEFINITION.exec(sqlFile(file))?.groups;
  if (parts === undefined) throw new Error(`${file}.sql does not define a function as the others do.`);
  const { name = '', declared = '', returns = '', settings = '', source = '' } = parts;
  return {
    name,
    declared,
    arguments: declared.replace(/ DEFAULT .*/, ''),
    returns,
    config: [...settings.matchAll(/^SET (\w+) = (.*)$/gm)].map(([, setting, value]) => `${setting}=${value}`),
    source,
    ownedBy: 'owner',
    execute: [],
  };
}
