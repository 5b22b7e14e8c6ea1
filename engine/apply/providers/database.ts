import { dropDatabase, ensureDatabase, readDatabase } from '../../../postgres/roles/database';
import { count, flag, type Kind, text } from './kind';

export const database: Kind = {
  defaults: {
    allowConnections: true,
    alterObjectOwnership: false,
    connectionLimit: -1,
    encoding: 'UTF8',
    isTemplate: false,
    lcCollate: 'C',
    lcCtype: 'C',
    tablespaceName: 'pg_default',
    template: 'template0',
  },
  replaces: ['name', 'encoding', 'lcCollate', 'lcCtype', 'template'],
  inputs: [
    'name',
    'owner',
    'allowConnections',
    'connectionLimit',
    'encoding',
    'isTemplate',
    'lcCollate',
    'lcCtype',
    'template',
  ],
  id: (inputs) => text(inputs, 'name'),

  async ensure(session, inputs) {
    const wanted = {
      name: text(inputs, 'name'),
      owner: text(inputs, 'owner'),
      encoding: text(inputs, 'encoding'),
      lcCollate: text(inputs, 'lcCollate'),
      lcCtype: text(inputs, 'lcCtype'),
      tablespaceName: 'pg_default',
      connectionLimit: count(inputs, 'connectionLimit', -1),
      allowConnections: flag(inputs, 'allowConnections'),
      isTemplate: flag(inputs, 'isTemplate'),
    };
    await ensureDatabase(await session.client(), wanted, text(inputs, 'template'));
  },

  async read(session, known) {
    const actual = await readDatabase(await session.client(), text(known, 'name'));
    return actual === undefined ? undefined : { ...known, ...actual };
  },

  async remove(session, known) {
    await dropDatabase(await session.client(), text(known, 'name'));
  },
};
