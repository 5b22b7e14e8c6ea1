import type { RegisterResourceRequest } from '@pulumi/pulumi/proto/resource_pb';

import type { PropertyMap } from '../state/values';
import { fromStruct } from './wire';

/** One `registerResource` call of the program, decoded. */
export interface Registration {
  type: string;
  name: string;
  /** URN of the parent; empty for the stack itself. */
  parent: string;
  custom: boolean;
  /** A component of a provider's own (`remote`). */
  remote: boolean;
  inputs: PropertyMap;
  /** URNs. */
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  /** `URN::ID` of an explicit provider, or empty. */
  provider: string;
  /** Version of the provider package the SDK was generated for. */
  version: string;
  pluginDownloadUrl: string;
  protect: boolean | undefined;
  retainOnDelete: boolean | undefined;
  deletedWith: string;
  deleteBeforeReplace: boolean | undefined;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  additionalSecretOutputs: string[];
  /** URNs this resource had before, or partial specifications. */
  aliases: { urn?: string; name?: string; type?: string; parent?: string; noParent?: boolean }[];
  importId: string;
  customTimeouts: { create?: string; update?: string; delete?: string } | undefined;
  /** Names of options that were used beyond those above. */
  otherOptions: string[];
}

export function decodeRegistration(request: RegisterResourceRequest): Registration {
  const propertyDependencies: Record<string, string[]> = {};
  request.getPropertydependenciesMap().forEach((dependencies, key) => {
    propertyDependencies[key] = dependencies.getUrnsList();
  });
  const timeouts = request.getCustomtimeouts()?.toObject();
  return {
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent(),
    custom: request.getCustom(),
    remote: request.getRemote(),
    inputs: fromStruct(request.getObject()),
    dependencies: request.getDependenciesList(),
    propertyDependencies,
    provider: request.getProvider(),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
    protect: request.hasProtect() ? request.getProtect() : undefined,
    retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
    deletedWith: request.getDeletedwith(),
    deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: decodeAliases(request),
    importId: request.getImportid(),
    customTimeouts:
      timeouts && (timeouts.create || timeouts.update || timeouts.pb_delete) ? decodeTimeouts(timeouts) : undefined,
    otherOptions: otherOptions(request),
  };
}

function decodeTimeouts(timeouts: {
  create: string;
  update: string;
  pb_delete: string;
}): NonNullable<Registration['customTimeouts']> {
  return {
    ...(timeouts.create ? { create: timeouts.create } : {}),
    ...(timeouts.update ? { update: timeouts.update } : {}),
    ...(timeouts.pb_delete ? { delete: timeouts.pb_delete } : {}),
  };
}

function decodeAliases(request: RegisterResourceRequest): Registration['aliases'] {
  const plain = request.getAliasurnsList().map((urn) => ({ urn }));
  const specs = request.getAliasesList().map((alias) => {
    if (alias.hasUrn()) return { urn: alias.getUrn() };
    const spec = alias.getSpec();
    return {
      ...(spec?.getName() ? { name: spec.getName() } : {}),
      ...(spec?.getType() ? { type: spec.getType() } : {}),
      ...(spec?.hasParenturn() ? { parent: spec.getParenturn() } : {}),
      ...(spec?.getNoparent() ? { noParent: true } : {}),
    };
  });
  return [...plain, ...specs];
}

function otherOptions(request: RegisterResourceRequest): string[] {
  const used: string[] = [];
  if (request.getHooks()) used.push('hooks');
  if (request.getTransformsList().length > 0) used.push('transforms');
  if (request.getReplaceWithList().length > 0) used.push('replaceWith');
  if (request.hasReplacementTrigger()) used.push('replacementTrigger');
  if (request.getPackageref()) used.push('parameterized package');
  if (request.getEnvvarmappingsMap().getLength() > 0) used.push('envVarMappings');
  return used;
}

/** Pulumi's URN of a resource: `urn:pulumi:STACK::PROJECT::PARENT_TYPES$TYPE::NAME`; the stack's own type is left out of the chain. */
export function urnOf(stack: string, project: string, parent: string, type: string, name: string): string {
  const parentType = parent === '' ? '' : typeChain(parent);
  const chain = parentType === '' || parentType === STACK_TYPE ? type : `${parentType}$${type}`;
  return `urn:pulumi:${stack}::${project}::${chain}::${name}`;
}

export const STACK_TYPE = 'pulumi:pulumi:Stack';

/** The chain of types in a URN, own type last. A name may contain `::`, so only the first four fields are split off. */
export function typeChain(urn: string): string {
  return urn.split('::')[2] ?? '';
}

export function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::');
}

export function typeOf(urn: string): string {
  return typeChain(urn).split('$').pop() ?? '';
}

/** One that the engine makes by itself for resources that name none; reports leave it out, as Pulumi's do. */
export function isDefaultProvider(urn: string): boolean {
  return typeOf(urn).startsWith('pulumi:providers:') && /^default(_|$)/.test(nameOf(urn));
}
