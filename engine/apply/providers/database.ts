import { dropDatabase, ensureDatabase, renameDatabase } from '../../../postgres/roles/applyDatabase';
import { readDatabase, sameSpelling } from '../../../postgres/roles/database';
import { type Attribute, count, flag, optionalText, text } from './attributes';
import type { Kind } from './kind';
import { nameProblem, nameProblems } from './names';

const fixed: Attribute = { kind: 'text', input: 'optional', replaces: true };

export const database: Kind = {
  attributes: {
    name: { kind: 'text', input: 'required' },
    owner: { kind: 'text', input: 'optional' },
    encoding: fixed,
    lcCollate: fixed,
    lcCtype: fixed,
    template: fixed,
    connectionLimit: { kind: 'count', input: 'optional', absent: -1, isWritten: true },
    allowConnections: { kind: 'flag', input: 'optional', absent: true, isWritten: true },
    isTemplate: { kind: 'flag', input: 'optional' },
    tablespaceName: { kind: 'text' },
    alterObjectOwnership: { kind: 'flag', absent: false },
  },
  deleteBeforeReplace: true,

  problems(inputs) {
    const limit = count(inputs, 'connectionLimit', -1);
    const owner = optionalText(inputs, 'owner');
    return [
      ...nameProblems(inputs, ['name']),
      ...(owner === undefined || nameProblem(owner) === undefined ? [] : nameProblems(inputs, ['owner'])),
      ...(limit < -1 ? [{ property: 'connectionLimit', reason: `is ${limit}, expected -1 (no limit) or more` }] : []),
    ];
  },

  id: (properties) => text(properties, 'name'),

  async ensure(session, wanted, olds) {
    const name = text(wanted, 'name');
    const client = await session.client();
    const oldName = text(olds ?? {}, 'name', name);
    if (oldName !== name) {
      await session.release(oldName);
      await renameDatabase(client, oldName, name);
    }
    const optional = ['owner', 'encoding', 'lcCollate', 'lcCtype', 'template'] as const;
    const given = optional.flatMap((key) => {
      const value = optionalText(wanted, key);
      return value === undefined ? [] : [[key, value] as const];
    });
    await ensureDatabase(client, {
      name,
      ...Object.fromEntries(given),
      connectionLimit: count(wanted, 'connectionLimit', -1),
      allowConnections: flag(wanted, 'allowConnections'),
      ...(wanted['isTemplate'] === undefined ? {} : { isTemplate: flag(wanted, 'isTemplate') }),
    });
  },

  async read(session, known) {
    const actual = await readDatabase(await session.client(), text(known, 'name'));
    if (actual === undefined) return undefined;
    // One locale has several spellings, and another one would replace the database.
    const spelling = (['encoding', 'lcCollate', 'lcCtype'] as const).filter((key) =>
      sameSpelling(text(known, key), actual[key]),
    );
    return {
      ...actual,
      template: text(known, 'template', 'template0'),
      ...Object.fromEntries(spelling.map((key) => [key, text(known, key)])),
    };
  },

  async remove(session, known) {
    const name = text(known, 'name');
    await session.release(name);
    await dropDatabase(await session.client(), name);
  },
};
