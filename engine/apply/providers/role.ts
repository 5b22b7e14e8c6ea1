import { checkLogin } from '../../../postgres/roles/logins';
import { dropRole, ensureRole, readRole } from '../../../postgres/roles/role';
import { count, flag, type Kind, text, texts } from './kind';

/** Stands for a password that is not the declared one; the real one cannot be read. */
const ANOTHER_PASSWORD = '';

export const role: Kind = {
  defaults: {
    assumeRole: '',
    bypassRowLevelSecurity: false,
    connectionLimit: -1,
    createDatabase: false,
    createRole: false,
    encryptedPassword: true,
    idleInTransactionSessionTimeout: 0,
    inherit: true,
    login: false,
    replication: false,
    roles: [],
    skipDropRole: false,
    skipReassignOwned: false,
    statementTimeout: 0,
    superuser: false,
    validUntil: 'infinity',
  },
  replaces: ['name'],
  inputs: [
    'name',
    'password',
    'assumeRole',
    'bypassRowLevelSecurity',
    'connectionLimit',
    'createDatabase',
    'createRole',
    'encryptedPassword',
    'inherit',
    'login',
    'replication',
    'roles',
    'superuser',
    'validUntil',
  ],
  id: (inputs) => text(inputs, 'name'),

  async ensure(session, inputs) {
    const wanted = {
      name: text(inputs, 'name'),
      login: flag(inputs, 'login'),
      superuser: flag(inputs, 'superuser'),
      inherit: flag(inputs, 'inherit'),
      createRole: flag(inputs, 'createRole'),
      createDatabase: flag(inputs, 'createDatabase'),
      replication: flag(inputs, 'replication'),
      bypassRowLevelSecurity: flag(inputs, 'bypassRowLevelSecurity'),
      connectionLimit: count(inputs, 'connectionLimit', -1),
      validUntil: text(inputs, 'validUntil', 'infinity'),
      assumeRole: text(inputs, 'assumeRole'),
      memberOf: texts(inputs, 'roles'),
    };
    const password = text(inputs, 'password');
    await ensureRole(await session.client(), wanted, password === '' ? undefined : password);
  },

  async read(session, known) {
    const actual = await readRole(await session.client(), text(known, 'name'));
    if (actual === undefined) return undefined;
    const { name, memberOf, ...attributes } = actual;
    const password = text(known, 'password');
    const changed =
      actual.login && password !== '' && (await checkLogin(session.targetOf(name, password))) === 'refused';
    return {
      ...known,
      ...attributes,
      name,
      roles: memberOf,
      ...(changed ? { password: ANOTHER_PASSWORD } : {}),
    };
  },

  async remove(session, known) {
    await dropRole(await session.client(), text(known, 'name'));
  },
};
