/** A function as it should be; the catalog is compared with every part of it. */
export interface AuditFunction {
  name: string;
  /** As pg_get_function_identity_arguments prints them. */
  arguments: string;
  /** Arguments with defaults, where that differs. */
  declared?: string;
  returns: string;
  /** SECURITY DEFINER; what it runs as is its owner. */
  definer: boolean;
  config: string[];
  source: string;
  /** `owner`: the trail's owner; `admin`: the role that applies, where the work needs a superuser. */
  ownedBy: 'owner' | 'admin';
  execute: string[];
}

/** Off the hot path: names are looked up in pg_catalog alone, temporary objects last. */
export const SAFE_PATH = ['search_path=pg_catalog, pg_temp'];

/** The common case: the owner's, for nobody else to call. */
export function plain(name: string, returns: string): Omit<AuditFunction, 'source'> {
  return { name, arguments: '', returns, definer: true, config: SAFE_PATH, ownedBy: 'owner', execute: [] };
}
