import { randomUUID } from 'node:crypto';

import { UNKNOWN_ON_WIRE } from '../../system/unknown';
import type { Registration } from '../protocol/registration';
import type { Deployment } from './deployment';
import { propertyChanges } from './difference';
import { changeOf, goalOf, type StepResult } from './goal';

/** A provider resource (`pulumi:providers:postgresql`): nothing is contacted, its inputs are the configuration of those that use it. */
export function stepProvider(deployment: Deployment, registration: Registration, urn: string): Promise<StepResult> {
  const old = deployment.oldOf(urn);
  const version = registration.version === '' ? {} : { version: registration.version };
  // Pulumi keeps settings of its own for a provider below `__internal`.
  const internal = { __internal: old?.inputs['__internal'] ?? {} };
  // Pulumi stores the whole configuration with this one; nothing here uses it, so what it wrote stays.
  const kept = registration.type === 'pulumi:providers:pulumi-nodejs' ? old : undefined;
  const outputs = kept?.outputs ?? { ...registration.inputs, ...version };
  const inputs = kept?.inputs ?? { ...internal, ...outputs };
  const id = old?.id ?? (deployment.options.dryRun ? UNKNOWN_ON_WIRE : randomUUID());
  const state = { ...goalOf(registration, urn, old), inputs, outputs, id };
  const changed = old === undefined ? [] : propertyChanges(old.inputs, inputs);
  const operation = old === undefined ? 'create' : changed.length > 0 ? 'update' : 'same';
  return Promise.resolve({ state, change: changeOf(registration, urn, operation, changed) });
}

/** The provider Pulumi makes by itself for a resource that names none: one per package and version, without a parent. */
export function defaultProviderOf(packageName: string, version: string): Registration {
  return {
    type: `pulumi:providers:${packageName}`,
    name: version === '' ? 'default' : `default_${version.replaceAll('.', '_')}`,
    parent: '',
    custom: true,
    remote: false,
    inputs: {},
    dependencies: [],
    propertyDependencies: {},
    provider: '',
    version,
    pluginDownloadUrl: '',
    protect: undefined,
    retainOnDelete: undefined,
    deletedWith: '',
    deleteBeforeReplace: undefined,
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    aliases: [],
    importId: '',
    customTimeouts: undefined,
    otherOptions: [],
  };
}
