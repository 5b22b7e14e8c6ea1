import { parameterSpec } from './parameter';

/** What a server needs to take changed parameters from its configuration file. */
export type Activation = 'none' | 'reload' | 'restart';

/**
 * `restart` when one of the names has context postmaster, else `reload`; `none` without any. The lookup gives
 * pg_settings.context; a name it does not know is looked up in what is known of PostgreSQL. An extension's or application's own name that
 * neither knows takes a reload (the server keeps it as a placeholder); any other unknown name is taken as a restart.
 */
export function activationOf(
  changedNames: Iterable<string>,
  contextLookup: (name: string) => string | undefined = () => undefined,
  major?: number,
): Activation {
  let activation: Activation = 'none';
  for (const name of changedNames) {
    const context = contextLookup(name) ?? parameterSpec(name, major)?.context;
    if (context === 'postmaster' || (context === undefined && !name.includes('.'))) return 'restart';
    activation = 'reload';
  }
  return activation;
}
