import { dropExtension, ensureExtension, readExtension } from '../../../postgres/extensions/extension';
import type { Properties } from '../provider';
import { type Attribute, flag, optionalText, text } from './attributes';
import type { Kind, Session } from './kind';
import { nameProblems } from './names';

const chosen: Attribute = { kind: 'text', input: 'optional' };
const off: Attribute = { kind: 'flag', input: 'optional', absent: false };

const databaseOf = (session: Session, properties: Properties): string => text(properties, 'database', session.database);

export const extension: Kind = {
  attributes: {
    name: { kind: 'text', input: 'required', replaces: true },
    database: { kind: 'text', input: 'required', replaces: true },
    schema: chosen,
    version: chosen,
    createCascade: off,
    dropCascade: off,
  },

  problems: (inputs) => nameProblems(inputs, ['name', 'database']),

  id: (properties) => `${text(properties, 'database')}.${text(properties, 'name')}`,

  async ensure(session, wanted) {
    const [schema, version] = [optionalText(wanted, 'schema'), optionalText(wanted, 'version')];
    await ensureExtension(
      await session.client(databaseOf(session, wanted)),
      {
        name: text(wanted, 'name'),
        ...(schema === undefined ? {} : { schema }),
        ...(version === undefined ? {} : { version }),
      },
      flag(wanted, 'createCascade'),
    );
  },

  async read(session, known) {
    const client = await session.clientIfExists(databaseOf(session, known));
    const actual = client === undefined ? undefined : await readExtension(client, text(known, 'name'));
    return actual === undefined ? undefined : { ...actual };
  },

  async remove(session, known) {
    const client = await session.clientIfExists(databaseOf(session, known));
    if (client !== undefined) await dropExtension(client, text(known, 'name'), flag(known, 'dropCascade'));
  },
};
