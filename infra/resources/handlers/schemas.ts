import { applySchemas, schemaSteps } from '../../../postgres/roles/schemas';
import type { SchemaSpec } from '../../../postgres/spec';
import { plannedHandler } from './planned';

/** Schemas and their owners. Nothing is ever dropped. */
export const schemas = plannedHandler<{ schemas: SchemaSpec[] }>({
  what: 'schemas',
  steps: (client, spec) => schemaSteps(client, spec.schemas),
  apply: (client, spec) => applySchemas(client, spec.schemas),
});
