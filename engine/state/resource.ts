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
  /** Every other field, kept as it was read. */
  rest?: Record<string, unknown>;
}
