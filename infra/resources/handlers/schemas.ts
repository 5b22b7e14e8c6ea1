import { applySchemas, schemaSteps } from '../../../postgres/roles/schemas';
import type { SchemaSpec } from '../../../postgres/spec';
import { expected, isText, plannedHandler } from './planned';

interface Spec {
  schemas: SchemaSpec[];
}

/** Schemas and their owners. Nothing is ever dropped. */
export const schemas = plannedHandler<Spec>({
  what: 'schemas',
  failures: ({ schemas: given }) =>
    expected(
      'schemas',
      Array.isArray(given) && given.every(({ name, owner }) => isText(name) && isText(owner)),
      'a list of schemas, each with name and owner',
    ),
  spec: ({ schemas: declared }) => ({ schemas: declared.map(({ name, owner }) => ({ name, owner })) }),
  steps: (client, spec) => schemaSteps(client, spec.schemas),
  apply: (client, spec) => applySchemas(client, spec.schemas),
});
