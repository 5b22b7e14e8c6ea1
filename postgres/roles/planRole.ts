import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { type Step, step } from '../steps/step';
import { ADMIN_SUFFIX, PLAIN_ROLE, type RoleAttributes, type RoleState } from './role';

type Settings = 'assumeRole' | 'searchPaths' | 'statementTimeout' | 'idleInTransactionSessionTimeout';
type Clause = Exclude<keyof RoleAttributes, 'name' | 'memberOf' | Settings>;

const flag =
  (word: string) =>
  (on: boolean): string =>
    on ? word : `NO${word}`;

const CLAUSES: { [K in Clause]: (value: RoleAttributes[K]) => string } = {
  login: flag('LOGIN'),
  superuser: flag('SUPERUSER'),
  inherit: flag('INHERIT'),
  createRole: flag('CREATEROLE'),
  createDatabase: flag('CREATEDB'),
  replication: flag('REPLICATION'),
  bypassRowLevelSecurity: flag('BYPASSRLS'),
  connectionLimit: (limit) => `CONNECTION LIMIT ${limit}`,
  validUntil: (time) => `VALID UNTIL ${quoteLiteral(time)}`,
};

/** Settings at login, each as SQL from its attributes; empty: not set. */
const SETTINGS: Record<Settings, { parameter: string; value: (role: RoleAttributes) => string }> = {
  assumeRole: { parameter: 'role', value: ({ assumeRole }) => (assumeRole === '' ? '' : quoteIdentifier(assumeRole)) },
  searchPaths: { parameter: 'search_path', value: ({ searchPaths }) => searchPaths.map(quoteIdentifier).join(', ') },
  statementTimeout: { parameter: 'statement_timeout', value: (role) => milliseconds(role.statementTimeout) },
  idleInTransactionSessionTimeout: {
    parameter: 'idle_in_transaction_session_timeout',
    value: (role) => milliseconds(role.idleInTransactionSessionTimeout),
  },
};

const milliseconds = (time: number): string => (time === 0 ? '' : String(time));

/**
 * What turns the role as it is (undefined: there is none) into the wanted one: attributes, settings at login, and exactly the
 * wanted memberships. Passwords are no part of it.
 */
export function planRole(wanted: RoleAttributes, actual: RoleState | undefined): Step[] {
  return [...attributeSteps(wanted, actual), ...settingSteps(wanted, actual), ...membershipSteps(wanted, actual)];
}

/** Attributes and memberships in PostgreSQL's words: `LOGIN SUPERUSER, member of pg_monitor`. */
export function describedRole(role: RoleAttributes): string {
  const clause = <K extends Clause>(key: K): string => CLAUSES[key](role[key]);
  const unusual = (Object.keys(CLAUSES) as Clause[]).filter((key) => role[key] !== PLAIN_ROLE[key]);
  const attributes = unusual.length === 0 ? 'NOLOGIN' : unusual.map((key) => clause(key)).join(' ');
  return role.memberOf.length === 0 ? attributes : `${attributes}, member of ${role.memberOf.join(', ')}`;
}

function attributeSteps(wanted: RoleAttributes, actual: RoleState | undefined): Step[] {
  const clause = <K extends Clause>(key: K): string[] =>
    actual?.[key] === wanted[key] ? [] : [CLAUSES[key](wanted[key])];
  const clauses = (Object.keys(CLAUSES) as Clause[]).flatMap((key) => clause(key));
  if (clauses.length === 0) return [];
  const verb = actual === undefined ? 'CREATE' : 'ALTER';
  const action =
    actual === undefined ? `create role ${wanted.name}` : `alter role ${wanted.name}: ${clauses.join(' ')}`;
  return [step(action, `${verb} ROLE ${quoteIdentifier(wanted.name)} WITH ${clauses.join(' ')}`)];
}

function settingSteps(wanted: RoleAttributes, actual: RoleState | undefined): Step[] {
  return Object.values(SETTINGS).flatMap(({ parameter, value }): Step[] => {
    const [next, now] = [value(wanted), actual === undefined ? '' : value(actual)];
    if (next === now) return [];
    const what = next === '' ? `RESET ${parameter}` : `SET ${parameter} TO ${next}`;
    return [step(`role ${wanted.name}: ${what}`, `ALTER ROLE ${quoteIdentifier(wanted.name)} ${what}`)];
  });
}

function membershipSteps(wanted: RoleAttributes, actual: RoleState | undefined): Step[] {
  const { name, memberOf } = wanted;
  const had = actual?.memberships ?? [];
  const revokes = had.flatMap(({ role, grantor, admin }): Step[] => {
    const keeps = memberOf.includes(role);
    if (keeps && !admin) return [];
    // From 16 on every grantor's membership is one of its own.
    const by = (actual?.serverMajor ?? 0) >= 16 && grantor !== null ? ` GRANTED BY ${quoteIdentifier(grantor)}` : '';
    const what = keeps ? 'ADMIN OPTION FOR ' : '';
    return [
      step(
        `revoke ${role}${keeps ? ADMIN_SUFFIX : ''} from ${name}`,
        `REVOKE ${what}${quoteIdentifier(role)} FROM ${quoteIdentifier(name)}${by}`,
      ),
    ];
  });
  const grants = memberOf
    .filter((role) => !had.some((membership) => membership.role === role))
    .map((role) => step(`grant ${role} to ${name}`, `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(name)}`));
  return [...revokes, ...grants];
}
