import { qualified, quoteIdentifier } from '../connection/quote';
import type { AclKind, AclObject } from './catalog';

type Target = Pick<AclObject, 'kind' | 'schema' | 'name' | 'signature'>;

const WORDS: Record<AclKind, string> = {
  table: 'TABLE',
  column: 'TABLE',
  sequence: 'SEQUENCE',
  function: 'ROUTINE',
  schema: 'SCHEMA',
  database: 'DATABASE',
  type: 'TYPE',
  language: 'LANGUAGE',
  wrapper: 'FOREIGN DATA WRAPPER',
  server: 'FOREIGN SERVER',
  largeObject: 'LARGE OBJECT',
  tablespace: 'TABLESPACE',
  parameter: 'PARAMETER',
};

/** `TABLE public."User", public."Student"`; all of one kind. */
export function onObjects(objects: readonly Target[]): string {
  return `${WORDS[objects[0]?.kind ?? 'table']} ${objects.map(named).join(', ')}`;
}

function named({ kind, schema, name, signature }: Target): string {
  if (kind === 'largeObject') return name;
  // A parameter of an extension is two names.
  if (kind === 'parameter') return name.split('.').map(quoteIdentifier).join('.');
  if (signature !== null) return signature;
  return schema === null || kind === 'schema' ? quoteIdentifier(name) : qualified(schema, name);
}

const NAMED = 5;

/** The same for people: at most five names. */
export function describedObjects(objects: readonly (Target & Pick<AclObject, 'column'>)[]): string {
  const names = objects.slice(0, NAMED).map(({ kind, schema, name, signature, column }) => {
    const whole = signature ?? (schema === null || kind === 'schema' ? name : `${schema}.${name}`);
    return column === null ? whole : `${whole}.${column}`;
  });
  const more = objects.length > NAMED ? ` and ${objects.length - NAMED} more` : '';
  const word = KINDS[objects[0]?.kind ?? 'table'];
  return `${word}${objects.length === 1 ? '' : 's'} ${names.join(', ')}${more}`;
}

const KINDS: Record<AclKind, string> = {
  table: 'table',
  column: 'column',
  sequence: 'sequence',
  function: 'function',
  schema: 'schema',
  database: 'database',
  type: 'type',
  language: 'language',
  wrapper: 'foreign data wrapper',
  server: 'foreign server',
  largeObject: 'large object',
  tablespace: 'tablespace',
  parameter: 'parameter',
};
