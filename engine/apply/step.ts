import { PlatformError } from '../../system/errors';
import { UNKNOWN_ON_WIRE } from '../../system/unknown';
import type { PropertyChange } from '../changes';
import type { Registration } from '../protocol/registration';
import { hasUnknown, markSecrets, rewrap, sameValue, unwrap } from '../protocol/wire';
import { isMadeOnce } from '../state/pending';
import type { ResourceState } from '../state/resource';
import type { PropertyMap } from '../state/values';
import type { Deployment } from './deployment';
import { propertyChanges, show } from './difference';
import { DYNAMIC_PACKAGE } from './dynamic';
import { changeOf, errorShown, goalOf, type StepResult } from './goal';
import { inputsRefused, reasonsOf } from './inputsRefused';
import type { DiffResult, Properties, ResourceProvider } from './provider';
import { soFar } from './soFar';
import { defaultProviderOf } from './stepProvider';

/** Everything one custom resource's step works on. */
interface Context {
  deployment: Deployment;
  registration: Registration;
  urn: string;
  provider: ResourceProvider;
  reference: string;
  /** False in a preview where the provider's own configuration is not known yet: then nothing is contacted. */
  configured: boolean;
}

/** check, read, diff, then create, update, replace or nothing: one custom resource. */
export async function stepCustom(deployment: Deployment, declared: Registration, urn: string): Promise<StepResult> {
  const stored = deployment.oldOf(urn);
  const registration = { ...declared, inputs: withIgnored(declared, stored) };
  const context = await contextOf(deployment, registration, urn);
  const old = stored === undefined ? undefined : await refreshed(context, stored);
  const judged = await judge(context, stored, old);
  if ('refused' in judged) return refused(context, old, judged.refused);
  const { inputs, computed, diff } = judged;
  if (old === undefined || diff === undefined) {
    const result = await created(context, inputs, 'create', computed);
    const note = stored === undefined ? notYetChecked(computed) : 'was in the state but no longer exists';
    if (note !== undefined) result.change.note = note;
    return result;
  }
  const changed = describe(diff, { ...old, inputs: splitComputed(old.inputs).inputs }, inputs, computed);
  if (deployment.options.replace.has(urn) || diff.replaces.length > 0)
    return replaced(context, old, inputs, diff, changed);
  if (diff.changed.length === 0) {
    const state = { ...goal(context, stored), inputs, outputs: old.outputs, id: old.id ?? '' };
    return { state, change: changeOf(registration, urn, 'same', []) };
  }
  return updated(context, old, inputs, changed);
}

interface Judged {
  inputs: PropertyMap;
  computed: PropertyMap;
  /** Undefined for what is to be created. */
  diff: DiffResult | undefined;
}

/** `check` and `diff`. What they refuse ends a run that applies; a plan takes note of it and goes on. */
async function judge(
  context: Context,
  stored: ResourceState | undefined,
  old: ResourceState | undefined,
): Promise<Judged | { refused: unknown }> {
  try {
    const { inputs, computed } = await checked(context, stored);
    return { inputs, computed, diff: old === undefined ? undefined : await differenceOf(context, old, inputs) };
  } catch (error) {
    if (!context.deployment.options.dryRun) throw error;
    return { refused: error };
  }
}

function refused(context: Context, old: ResourceState | undefined, error: unknown): StepResult {
  const { registration, urn } = context;
  const change = changeOf(registration, urn, old === undefined ? 'create' : 'update', []);
  const { inputs } = registration;
  const state = { ...goal(context, old), outputs: old?.outputs ?? inputs, id: old?.id ?? UNKNOWN_ON_WIRE };
  return { state, change: { ...change, error: errorShown(error) }, refused: reasonsOf(error) };
}

/** A plan that a handler could not make yet says why. */
function notYetChecked({ plan }: PropertyMap): string | undefined {
  const said = Array.isArray(plan) ? plan[0] : plan;
  return typeof said === 'string' && said.startsWith('not yet checked') ? said : undefined;
}

/** Of the properties in `ignoreChanges` an existing resource keeps what the state says. */
function withIgnored({ inputs, ignoreChanges }: Registration, stored: ResourceState | undefined): PropertyMap {
  if (stored === undefined || ignoreChanges.length === 0) return inputs;
  const kept = ignoreChanges.filter((key) => key in stored.inputs).map((key) => [key, stored.inputs[key]] as const);
  const others = Object.entries(inputs).filter(([key]) => !ignoreChanges.includes(key));
  return Object.fromEntries([...others, ...kept]) as PropertyMap;
}

async function contextOf(deployment: Deployment, registration: Registration, urn: string): Promise<Context> {
  const packageName = registration.type.split(':')[0] ?? '';
  let reference = registration.provider;
  if (reference === '') {
    const state = await deployment.ensureProvider(defaultProviderOf(packageName, registration.version));
    reference = `${state.urn}::${state.id ?? ''}`;
  }
  const config = deployment.stateOf(reference.slice(0, reference.lastIndexOf('::')))?.inputs ?? {};
  const provider = await deployment.options.registry.provider(packageName, reference, unwrap(config));
  return { deployment, registration, urn, provider, reference, configured: !hasUnknown(config) };
}

/** The old state as it really is now, or undefined when the thing is gone. */
async function refreshed(context: Context, stored: ResourceState): Promise<ResourceState | undefined> {
  const { deployment, registration, provider, configured } = context;
  if (!configured || !deployment.options.refreshes(registration.type)) return stored;
  // How to reach the database is what the program says now: the stored way may be the one before a port was changed.
  const connection = registration.inputs['connection'];
  const reachable = connection !== undefined && !hasUnknown(connection);
  const outputs = reachable ? { ...stored.outputs, connection } : stored.outputs;
  const found = await provider.read(registration.type, stored.id ?? '', unwrap(outputs), unwrap(stored.inputs));
  if (found === undefined) return undefined;
  return { ...stored, id: found.id, outputs: marked(rewrap(found.outputs), stored.outputs, registration) };
}

async function checked(
  context: Context,
  stored: ResourceState | undefined,
): Promise<{ inputs: PropertyMap; computed: PropertyMap }> {
  const { registration, provider, configured, urn } = context;
  if (!configured) return { inputs: registration.inputs, computed: {} };
  const olds = stored === undefined ? undefined : unwrap(stored.inputs);
  // Also a run that applies reports what `check` computed; the state gets what was declared.
  const asked = registration.type.startsWith(`${DYNAMIC_PACKAGE}:`) ? { __preview: true } : {};
  const news = { ...unwrap(registration.inputs), ...asked };
  const result = await provider.check(registration.type, olds, news, urn);
  if (result.failures.length > 0) throw inputsRefused(urn, result.failures);
  return splitComputed(markSecrets(rewrap(result.inputs), registration.inputs));
}

async function differenceOf(context: Context, old: ResourceState, inputs: PropertyMap): Promise<DiffResult> {
  const { registration, provider, configured } = context;
  if (!configured) return { changed: propertyChanges(old.inputs, inputs).map(({ path }) => path), replaces: [] };
  return provider.diff(registration.type, old.id ?? '', unwrap(old.outputs), unwrap(old.inputs), unwrap(inputs));
}

/** Inputs that handlers compute so that a preview says how a change is applied. Nothing declares them, so nothing is compared with them. */
const COMPUTED: ReadonlySet<string> = new Set(['activation', 'plan', '__preview']);

function splitComputed(checked: PropertyMap): { inputs: PropertyMap; computed: PropertyMap } {
  const [inputs, computed]: [PropertyMap, PropertyMap] = [{}, {}];
  for (const [name, value] of Object.entries(checked))
    if (name !== '__preview') (COMPUTED.has(name) ? computed : inputs)[name] = value;
  return { inputs, computed };
}

/** What a report shows of a difference: the inputs that changed, else what the provider named, measured against the real state. */
function describe(diff: DiffResult, old: ResourceState, inputs: PropertyMap, computed: PropertyMap): PropertyChange[] {
  if (diff.changed.length === 0 && diff.replaces.length === 0) return [];
  const changes = propertyChanges(old.inputs, inputs);
  const named = [...diff.changed, ...diff.replaces].filter(
    (path) => path !== '' && !changes.some((change) => change.path === path || change.path.startsWith(`${path}.`)),
  );
  const found = named.map((path): PropertyChange => {
    const [before, after] = [old.outputs[path], inputs[path]];
    const same = sameValue(before ?? null, after ?? null);
    return { path, kind: 'update', before: same ? '[differs]' : show(before ?? null), after: show(after ?? null) };
  });
  const all = [...changes, ...found, ...propertyChanges({}, computed)];
  return all.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** What the resource would take over. A preview that cannot reach the server says nothing. */
async function adoptedBy(
  { deployment, registration, provider, configured }: Context,
  inputs: PropertyMap,
): Promise<{ note: string; inputs: Properties } | undefined> {
  if (!configured) return undefined;
  try {
    return await provider.adopts?.(registration.type, unwrap(inputs));
  } catch (error) {
    if (deployment.options.dryRun && error instanceof PlatformError) return undefined;
    throw error;
  }
}

async function created(
  context: Context,
  declared: PropertyMap,
  operation: 'create' | 'replace',
  computed: PropertyMap = {},
): Promise<StepResult> {
  const { deployment, registration, provider, urn } = context;
  const change = changeOf(registration, urn, operation, propertyChanges({}, computed));
  const adopted = operation === 'create' ? await adoptedBy(context, declared) : undefined;
  if (adopted !== undefined) change.note = adopted.note;
  const inputs = adopted === undefined ? declared : { ...declared, ...rewrap(adopted.inputs) };
  const base = { ...goal(context, undefined), inputs };
  if (deployment.options.dryRun) return { state: { ...base, outputs: inputs, id: UNKNOWN_ON_WIRE }, change };
  const { id, outputs } = isMadeOnce(registration.type)
    ? await announced(deployment, { ...base, outputs: {} }, () => provider.create(registration.type, unwrap(inputs)))
    : await provider.create(registration.type, unwrap(inputs));
  return { state: { ...base, id, outputs: marked(rewrap(outputs), inputs, registration) }, change };
}

/** Where a kill between the making and the saving would leave the next run, if it is Pulumi's, with "already exists". */
async function announced<T>(deployment: Deployment, creating: ResourceState, make: () => Promise<T>): Promise<T> {
  await deployment.announce(creating);
  try {
    return await make();
  } catch (error) {
    await deployment.announce(undefined);
    throw error;
  }
}

async function updated(
  context: Context,
  old: ResourceState,
  inputs: PropertyMap,
  changed: PropertyChange[],
): Promise<StepResult> {
  const { deployment, registration, provider, urn } = context;
  const change = changeOf(registration, urn, 'update', changed);
  const id = old.id ?? '';
  const base = { ...goal(context, old), inputs, id };
  if (deployment.options.dryRun) {
    const planned = provider.planUpdate?.(registration.type, unwrap(old.outputs), unwrap(inputs));
    const outputs =
      planned === undefined ? inputs : marked(rewrap(planned), { ...old.outputs, ...inputs }, registration);
    return { state: { ...base, outputs }, change };
  }
  const { outputs } = await provider.update(
    registration.type,
    id,
    unwrap(old.outputs),
    unwrap(old.inputs),
    unwrap(inputs),
  );
  return { state: { ...base, outputs: marked(rewrap(outputs), inputs, registration) }, change };
}

async function replaced(
  context: Context,
  old: ResourceState,
  inputs: PropertyMap,
  diff: DiffResult,
  changed: PropertyChange[],
): Promise<StepResult> {
  const { deployment, registration, urn } = context;
  const planned = { ...changeOf(registration, urn, 'replace', changed), replaces: diff.replaces };
  if (old.protect === true) {
    throw new PlatformError(
      'replace-protected',
      `${registration.type} ${registration.name} is protected, and changing ${diff.replaces.join(', ') || 'it'} would replace it.`,
      'Take the change back; what is protected is never replaced.',
      { kind: 'refused', object: urn },
    );
  }
  const asked = deployment.options.replace.has(urn);
  if (!deployment.options.dryRun && !asked && !(await deployment.options.approve([planned]))) {
    throw new PlatformError(
      'replace-declined',
      `Replacing ${registration.type} ${registration.name} was not approved, so nothing further was done. ${soFar(deployment.changes)}`,
      'Run again with --yes if it should be replaced, or take the change back.',
      { kind: 'refused', object: urn },
    );
  }
  // Where the new one would take the old one's place (a grant, a database of that name), the old one has to go first.
  const goesFirst = registration.deleteBeforeReplace ?? diff.deleteBeforeReplace === true;
  if (goesFirst && !deployment.options.dryRun)
    await context.provider.delete(registration.type, old.id ?? '', unwrap(old.outputs));
  const fresh = context.provider.autonames === true ? (await checked(context, undefined)).inputs : inputs;
  const result = await created(context, fresh, 'replace');
  return goesFirst ? { ...result, change: planned } : { ...result, change: planned, condemned: old };
}

function goal(context: Context, old: ResourceState | undefined): Omit<ResourceState, 'outputs'> {
  return { ...goalOf(context.registration, context.urn, old), provider: context.reference };
}

function marked(outputs: PropertyMap, like: PropertyMap, registration: Registration): PropertyMap {
  return markSecrets(outputs, { ...registration.inputs, ...like }, registration.additionalSecretOutputs);
}
