import { requirementsOf } from '../../postgres/extensions/requires';
import { privilegesOn } from '../../postgres/roles/privileges';
import { isReservedSchema } from '../../postgres/roles/reserved';
import { APPLICATION_SCHEMA } from '../../postgres/spec/objects';
import { showValue } from '../../postgres/tuning/value';
import type { Settings } from './settings';

type Complain = (code: string, path: string, message: string, remedy: string) => void;

/** What is wrong with `schemas` and `extensions` beside each other and the rest of the settings. */
export function checkSchemasAndExtensions(settings: Settings, complain: Complain): void {
  checkSchemas(settings, complain);
  const names = settings.extensions.map(({ name }) => name);
  settings.extensions.forEach(({ name, schema }, position) => {
    const at = `extensions[${position}]`;
    if (schema === settings.audit.schema) {
      const message = `coach:${at}.schema is ${schema}, the trail’s schema.`;
      complain('setting-conflict', `${at}.schema`, message, 'Choose another schema, or none.');
    }
    for (const required of requirementsOf(name).filter((one) => !names.includes(one))) {
      const message = `coach:extensions names ${name}, which requires ${required}, and not ${required}.`;
      complain('setting-conflict', at, message, `Add ${required} to coach:extensions; the order does not matter.`);
    }
  });
}

function checkSchemas(settings: Settings, complain: Complain): void {
  const declared = (Object.values(settings.roles) as { name: string }[]).map(({ name }) => name);
  const accepted = `Choose one of ${declared.join(', ')}.`;
  settings.schemas.forEach(({ name, owner, grants }, position) => {
    const at = `schemas[${position}]`;
    const conflict = (path: string, message: string, remedy: string): void =>
      complain('setting-conflict', path, message, remedy);
    if (isReservedSchema(name))
      conflict(
        `${at}.name`,
        `coach:${at}.name is ${showValue(name)}, which PostgreSQL keeps for itself.`,
        'Give another name.',
      );
    if (name === settings.audit.schema)
      conflict(
        `${at}.name`,
        `coach:${at}.name is ${name}, the trail’s schema (coach:audit.schema).`,
        'Give another name.',
      );
    if (name === APPLICATION_SCHEMA && owner !== undefined)
      conflict(`${at}.owner`, `coach:${at}.owner is ${owner}, but ${name} belongs to coach:roles.owner.`, 'Remove it.');
    if (owner !== undefined && !declared.includes(owner))
      conflict(`${at}.owner`, `coach:${at}.owner is ${owner}, which is no declared role.`, accepted);
    grants.forEach(({ role, objectType, objects, privileges }, index) => {
      const grant = `${at}.grants[${index}]`;
      if (!declared.includes(role))
        conflict(`${grant}.role`, `coach:${grant}.role is ${role}, which is no declared role.`, accepted);
      if (objectType === 'schema' && objects.length > 0)
        conflict(
          `${grant}.objects`,
          `coach:${grant}.objects names objects, but the grant is on the schema.`,
          'Remove it.',
        );
      const known = privilegesOn(objectType).filter((privilege) => privilege !== 'ALL');
      for (const privilege of privileges.filter((one) => !known.includes(one)))
        conflict(
          `${grant}.privileges`,
          `coach:${grant}.privileges has ${showValue(privilege)}, which is no privilege on a ${objectType}.`,
          `Choose from ${known.join(', ')}.`,
        );
    });
  });
}

/** Schemas that extensions are put in, `public` and PostgreSQL's own aside. */
export function schemasOfExtensions({ extensions }: Pick<Settings, 'extensions'>): string[] {
  const named = extensions.flatMap(({ schema }) =>
    schema === undefined || schema === APPLICATION_SCHEMA || isReservedSchema(schema) ? [] : [schema],
  );
  return [...new Set(named)];
}
