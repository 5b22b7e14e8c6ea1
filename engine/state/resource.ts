import type { PropertyMap } from './values';

/** One resource of a checkpoint (Pulumi's apitype.ResourceV3), property values decoded, fields named as in the JSON. */
export interface ResourceState {
  urn: string;
  custom: boolean;
  type: string;
  id?: string;
  /** Condemned by a replacement, still to be deleted. */
  delete?: boolean;
  inputs: PropertyMap;
  outputs: PropertyMap;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies: string[];
  propertyDependencies?: Record<string, string[]>;
  /** `URN::ID`. */
  provider?: string;
  additionalSecretOutputs?: string[];
  deletedWith?: string;
  initErrors?: string[];
  pendingReplacement?: boolean;
  /** ISO 8601. */
  created?: string;
  modified?: string;
  /** Fields this engine does not work with, kept as they were read. */
  rest?: CarriedFields;
}

/** What Pulumi stores besides; fields of later versions survive as well. */
export interface CarriedFields {
  taint?: boolean;
  aliases?: string[];
  customTimeouts?: { create?: number; update?: number; delete?: number };
  importID?: string;
  retainOnDelete?: boolean;
  replaceWith?: string[];
  sourcePosition?: string;
  stackTrace?: { sourcePosition?: string }[];
  ignoreChanges?: string[];
  hideDiff?: unknown[];
  replaceOnChanges?: string[];
  replacementTrigger?: unknown;
  refreshBeforeUpdate?: boolean;
  viewOf?: string;
  resourceHooks?: Record<string, string[]>;
  [field: string]: unknown;
}

/** The order in which Pulumi writes a resource's fields; an unchanged resource is so written byte for byte as it was. */
export const FIELD_ORDER = [
  'urn', 'custom', 'delete', 'id', 'type', 'inputs', 'outputs', 'parent', 'protect', 'taint', 'external', 'dependencies',
  'initErrors', 'provider', 'propertyDependencies', 'pendingReplacement', 'additionalSecretOutputs', 'aliases',
  'customTimeouts', 'importID', 'retainOnDelete', 'deletedWith', 'replaceWith', 'created', 'modified', 'sourcePosition',
  'stackTrace', 'ignoreChanges', 'hideDiff', 'replaceOnChanges', 'replacementTrigger', 'refreshBeforeUpdate', 'viewOf',
  'resourceHooks', 'extensionRef', 'snippetID',
] as const; // prettier-ignore

/** Fields of `ResourceState` itself; all others are in `rest`. */
export const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'urn', 'custom', 'delete', 'id', 'type', 'inputs', 'outputs', 'parent', 'protect', 'external', 'dependencies',
  'propertyDependencies', 'provider', 'additionalSecretOutputs', 'deletedWith', 'initErrors', 'pendingReplacement',
  'created', 'modified',
]); // prettier-ignore
