import { ensureRole, renameRole } from '../../../postgres/roles/applyRole';
import { dropRole } from '../../../postgres/roles/dropRole';
import { checkLogin } from '../../../postgres/roles/logins';
import { describedRole } from '../../../postgres/roles/planRole';
import { PLAIN_ROLE, readRole, type RoleState } from '../../../postgres/roles/role';
import { passwordMatches } from '../../../postgres/roles/scram';
import type { Properties } from '../provider';
import { type Attribute, count, flag, optionalText, text, texts } from './attributes';
import type { Kind, Session } from './kind';
import { nameProblem, nameProblems } from './names';

/** Stands for a password that is not the declared one; the real one cannot be read. */
const ANOTHER_PASSWORD = '';

const off: Attribute = { kind: 'flag', input: 'optional', absent: false };

export const role: Kind = {
  attributes: {
    name: { kind: 'text', input: 'required' },
    password: { kind: 'text', input: 'optional', absent: null },
    roles: { kind: 'texts', input: 'optional', absent: null },
    login: off,
    superuser: off,
    createDatabase: off,
    createRole: off,
    replication: off,
    bypassRowLevelSecurity: off,
    inherit: { kind: 'flag', input: 'optional', absent: true, isWritten: true },
    connectionLimit: { kind: 'count', input: 'optional', absent: -1, isWritten: true },
    assumeRole: { kind: 'text', input: 'optional', absent: '' },
    // The rest is never declared here, but changed by hand it is put back.
    encrypted: { kind: 'text', absent: null },
    encryptedPassword: { kind: 'flag', absent: true, isWritten: true },
    idleInTransactionSessionTimeout: { kind: 'count', absent: 0 },
    passwordWo: { kind: 'text', absent: null },
    passwordWoVersion: { kind: 'text', absent: null },
    searchPaths: { kind: 'texts', absent: null },
    skipDropRole: off,
    skipReassignOwned: off,
    statementTimeout: { kind: 'count', absent: 0 },
    validUntil: { kind: 'text', absent: 'infinity', isWritten: true },
  },

  problems(inputs) {
    const name = text(inputs, 'name');
    const limit = count(inputs, 'connectionLimit', -1);
    const group = texts(inputs, 'roles').find((each) => nameProblem(each) !== undefined);
    return [
      ...nameProblems(inputs, ['name', ...(optionalText(inputs, 'assumeRole') === undefined ? [] : ['assumeRole'])]),
      ...(name.startsWith('pg_') || name === 'public' || name === 'none'
        ? [{ property: 'name', reason: `is ${name}, a name PostgreSQL keeps for itself` }]
        : []),
      ...(limit < -1 ? [{ property: 'connectionLimit', reason: `is ${limit}, expected -1 (no limit) or more` }] : []),
      ...(group === undefined ? [] : [{ property: 'roles', reason: nameProblem(group) ?? '' }]),
    ];
  },

  id: (properties) => text(properties, 'name'),

  async adopts(session, wanted) {
    const actual = await readRole(await session.client(), text(wanted, 'name'));
    if (actual === undefined) return undefined;
    return {
      note: `takes over a role that exists: ${describedRole(actual)}; it is never dropped`,
      inputs: { skipDropRole: true, skipReassignOwned: true },
    };
  },

  async ensure(session, wanted, olds) {
    const name = text(wanted, 'name');
    const client = await session.client();
    const oldName = text(olds ?? {}, 'name', name);
    if (oldName !== name) await renameRole(client, oldName, name);
    await ensureRole(
      client,
      {
        ...PLAIN_ROLE,
        name,
        login: flag(wanted, 'login'),
        superuser: flag(wanted, 'superuser'),
        inherit: flag(wanted, 'inherit'),
        createRole: flag(wanted, 'createRole'),
        createDatabase: flag(wanted, 'createDatabase'),
        replication: flag(wanted, 'replication'),
        bypassRowLevelSecurity: flag(wanted, 'bypassRowLevelSecurity'),
        connectionLimit: count(wanted, 'connectionLimit', -1),
        assumeRole: text(wanted, 'assumeRole'),
        memberOf: [...new Set(texts(wanted, 'roles'))],
      },
      { password: optionalText(wanted, 'password'), isComparable: session.isSuperuser },
    );
  },

  async read(session, known, inputs) {
    const actual = await readRole(await session.client(), text(known, 'name'), session.isSuperuser);
    if (actual === undefined) return undefined;
    return { ...shown(actual), ...(await passwordNow(session, actual, known, inputs)) };
  },

  async remove(session, known) {
    if (flag(known, 'skipDropRole')) return;
    await dropRole(await session.client(), text(known, 'name'), (database) => session.client(database));
  },
};

/** Under the provider's names. */
function shown(actual: RoleState): Properties {
  const attributes = (Object.keys(PLAIN_ROLE) as (keyof typeof PLAIN_ROLE)[]).filter((key) => key !== 'memberOf');
  return {
    name: actual.name,
    roles: actual.memberOf,
    ...Object.fromEntries(attributes.map((key) => [key, actual[key]])),
  };
}

/**
 * The declared password while it is the one in force. A superuser compares the stored verifier, which needs no connection and leaves
 * nothing in the server's log; anybody else has to log in.
 */
async function passwordNow(
  session: Session,
  actual: RoleState,
  known: Properties,
  inputs: Properties,
): Promise<Properties> {
  const declared = optionalText(inputs, 'password') ?? optionalText(known, 'password');
  if (declared === undefined) return {};
  const { name, login, password } = actual;
  const isRight =
    password !== undefined
      ? await passwordMatches(password, declared)
      : !login || (await checkLogin(session.targetOf(name, declared))) !== 'refused';
  return { password: isRight ? declared : ANOTHER_PASSWORD };
}
