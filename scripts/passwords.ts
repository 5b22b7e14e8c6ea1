import { unwrap } from '../engine/protocol/wire';
import type { ResourceState } from '../engine/state/resource';
import { withClient } from '../postgres/connection/client';
import { quoteIdentifier, quoteLiteral } from '../postgres/connection/quote';
import { checkLogin } from '../postgres/roles/logins';
import { scramVerifier } from '../postgres/roles/scram';
import { resetAdminPassword } from '../postgres/server/password';
import { startServer, stopServer } from '../postgres/server/process';
import type { ConnectionTarget } from '../postgres/spec';
import { type LocalServer, SERVER_TYPE } from './localServer';
import type { StackState } from './stackState';

/** A login with the password of the state, and the resource that declares it. */
export interface DeclaredLogin {
  urn: string;
  isAdmin: boolean;
  target: ConnectionTarget;
}

const ROLE_TYPE = 'postgresql:index/role:Role';
/** Present in every server; a role without CONNECT to it is told so only after its password was accepted. */
const DATABASE = 'postgres';

/** The administrator's login to the local server; undefined where none was deployed. */
export function adminLogin({ resources }: Pick<StackState, 'resources'>): DeclaredLogin | undefined {
  const server = resources.find(({ type }) => type === SERVER_TYPE);
  if (server === undefined) return undefined;
  const { host, port, adminUser, adminPassword } = unwrap(server.outputs);
  if (typeof host !== 'string' || typeof port !== 'number') return undefined;
  if (typeof adminUser !== 'string' || typeof adminPassword !== 'string') return undefined;
  const target = { host, port, database: DATABASE, user: adminUser, password: adminPassword };
  return { urn: server.urn, isAdmin: true, target };
}

/**
 * Logins that the server refuses. A password changed by hand cannot be read back, so Pulumi's provider never sees it: each one
 * of the state is tried.
 */
export async function refusedLogins(state: Pick<StackState, 'resources'>): Promise<DeclaredLogin[]> {
  const admin = adminLogin(state);
  if (admin === undefined) return [];
  const logins = [admin, ...state.resources.flatMap((resource) => roleLogin(resource, admin.target) ?? [])];
  const results = await Promise.all(logins.map(({ target }) => checkLogin(target)));
  return logins.filter((_, at) => results[at] === 'refused');
}

function roleLogin(
  { urn, type, delete: doomed, outputs }: ResourceState,
  admin: ConnectionTarget,
): DeclaredLogin | undefined {
  if (type !== ROLE_TYPE || doomed === true) return undefined;
  const { name, login, password } = unwrap(outputs);
  if (login !== true || typeof name !== 'string' || typeof password !== 'string') return undefined;
  return { urn, isAdmin: false, target: { ...admin, user: name, password } };
}

/** Sets the declared password again; the server gets a SCRAM verifier, never the password. */
export async function repairRoles(admin: ConnectionTarget, logins: readonly DeclaredLogin[]): Promise<void> {
  if (logins.length === 0) return;
  await withClient(admin, async (client) => {
    for (const { target } of logins) {
      const verifier = quoteLiteral(await scramVerifier(target.password ?? ''));
      await client.query(`ALTER ROLE ${quoteIdentifier(target.user)} PASSWORD ${verifier}`);
    }
  });
}

/** The same for the administrator, whom nobody can log in as: in single-user mode, so the server is stopped for a moment. */
export async function repairAdmin(server: LocalServer, { target }: DeclaredLogin): Promise<void> {
  const { process: postgres } = server.placed;
  await stopServer(postgres);
  try {
    await resetAdminPassword(postgres, target.user, target.password ?? '');
  } finally {
    await startServer(postgres);
  }
}
