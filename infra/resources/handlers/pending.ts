import type { MigrationFile } from '../../../postgres/migrations/types';
import type { Binaries } from '../../../postgres/server/binaries';
import type { Connection } from '../connection';

/** Of each database, the migrations that this run has still to apply, as the resource of the migrations found them. */
const pending = new Map<string, readonly MigrationFile[]>();

const keyOf = ({ host, port, database }: Connection): string => `${host}:${port}/${database}`;

export function rememberPending(connection: Connection, migrations: readonly MigrationFile[]): void {
  pending.set(keyOf(connection), migrations);
}

/** The programs of a server that this run has yet to start. */
const programs = new Map<string, Binaries>();
const serverOf = ({ host, port }: Pick<Connection, 'host' | 'port'>): string => `${host}:${port}`;

export function rememberPrograms(at: Pick<Connection, 'host' | 'port'>, binaries: Binaries): void {
  programs.set(serverOf(at), binaries);
}

export function programsOf(connection: Connection): Binaries | undefined {
  return programs.get(serverOf(connection));
}

/**
 * Whether what is true of a table now is still true when its indexes and triggers are made. `awaits`: the pending migration that names the
 * table, or makes its statements at run time. Undefined: nobody has looked at the migrations (`pulumi up --target`).
 */
export function tableIsFinal(connection: Connection, table: string): { awaits: string | undefined } | undefined {
  const migrations = pending.get(keyOf(connection));
  if (migrations === undefined) return undefined;
  const named = migrations.find(
    ({ sql }) => sql.toLowerCase().includes(table.toLowerCase()) || /\bexecute\b/i.test(sql),
  );
  return { awaits: named?.name };
}
