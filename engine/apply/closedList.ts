import { PlatformError } from '../../system/errors';
import { type Registration, STACK_TYPE } from '../protocol/registration';
import type { GivenPackages } from './provider';

/** Everything the local stack declares. The embedded engine applies these and nothing else: it is not a second Pulumi. */
const TYPES = new Set([
  'pulumi:providers:postgresql',
  'pulumi:providers:random',
  'postgresql:index/role:Role',
  'postgresql:index/database:Database',
  'postgresql:index/extension:Extension',
  'postgresql:index/grant:Grant',
  'postgresql:index/defaultPrivileges:DefaultPrivileges',
  'random:index/randomPassword:RandomPassword',
  'pulumi-nodejs:dynamic/coach:Server',
  'pulumi-nodejs:dynamic/coach:Migrations',
  'pulumi-nodejs:dynamic/coach:Index',
  'pulumi-nodejs:dynamic/coach:Schemas',
  'pulumi-nodejs:dynamic/coach:LoginSettings',
  'pulumi-nodejs:dynamic/coach:Privileges',
  'pulumi-nodejs:dynamic/coach:AuditTrail',
]);

const REMEDY =
  'Install Pulumi (`npm run coachdb -- engine install`) and run with --engine pulumi: it reads the same state and supports everything.';

/** Throws for a resource type or option outside the closed list, naming it. Components are always fine. */
export function assertSupported(
  registration: Registration,
  knownUrns: ReadonlySet<string>,
  given: GivenPackages = {},
): void {
  const { type, name } = registration;
  const object = `${type} ${name}`;
  if (registration.remote || (registration.custom && !TYPES.has(type) && !isGiven(type, given))) {
    throw new PlatformError(
      'type-unsupported',
      `The embedded engine does not apply resources of type ${type} (${name}).`,
      REMEDY,
      {
        kind: 'refused',
        object,
      },
    );
  }
  if (type === STACK_TYPE) return;
  const used = [
    // Whole properties alone: a path into one would have to be read as Pulumi reads it.
    registration.ignoreChanges.some((key) => !/^[A-Za-z]\w*$/.test(key)) && 'ignoreChanges',
    registration.replaceOnChanges.length > 0 && 'replaceOnChanges',
    registration.importId !== '' && 'import',
    registration.retainOnDelete === true && 'retainOnDelete',
    registration.deleteBeforeReplace === true && 'deleteBeforeReplace',
    registration.customTimeouts !== undefined && 'customTimeouts',
    // SDKs list the type names a resource had in older versions: harmless while nothing in the state has them.
    registration.aliases.some(({ urn }) => urn !== undefined && knownUrns.has(urn)) && 'aliases',
    ...registration.otherOptions,
  ].filter((option): option is string => typeof option === 'string');
  if (used.length > 0) {
    throw new PlatformError(
      'option-unsupported',
      `The embedded engine does not apply the option ${used.join(', ')} of ${object}.`,
      REMEDY,
      { kind: 'refused', object },
    );
  }
}

function isGiven(type: string, given: GivenPackages): boolean {
  const provider = /^pulumi:providers:(.*)$/.exec(type)?.[1];
  return provider === undefined ? given[type.split(':')[0] ?? '']?.types.has(type) === true : provider in given;
}
