import { dropExtension, ensureExtension, readExtension } from '../../../postgres/extensions/extension';
import { flag, type Kind, text } from './kind';

export const extension: Kind = {
  defaults: { createCascade: false, dropCascade: false },
  replaces: ['name', 'database'],
  inputs: ['name', 'database', 'schema', 'version', 'createCascade', 'dropCascade'],
  id: (inputs) => `${text(inputs, 'database')}.${text(inputs, 'name')}`,

  async ensure(session, inputs) {
    const [schema, version] = [text(inputs, 'schema'), text(inputs, 'version')];
    const wanted = {
      name: text(inputs, 'name'),
      ...(schema === '' ? {} : { schema }),
      ...(version === '' ? {} : { version }),
    };
    await ensureExtension(await session.client(text(inputs, 'database')), wanted, flag(inputs, 'createCascade'));
  },

  async read(session, known) {
    const actual = await readExtension(await session.client(text(known, 'database')), text(known, 'name'));
    return actual === undefined ? undefined : { ...known, ...actual };
  },

  async remove(session, known) {
    await dropExtension(await session.client(text(known, 'database')), text(known, 'name'), flag(known, 'dropCascade'));
  },
};
