import { PlatformError } from '../../system/errors';
import type { ResourceChange } from '../changes';
import type { Monitor, Severity } from '../protocol/monitor';
import { isDefaultProvider, type Registration, urnOf } from '../protocol/registration';
import { rewrap, sameValue, unwrap } from '../protocol/wire';
import type { ResourceState } from '../state/resource';
import type { PropertyMap } from '../state/values';
import { withHashes } from './assets';
import { assertSupported } from './closedList';
import { propertyChanges } from './difference';
import { changeOf, errorShown, goalOf, type StepResult } from './goal';
import { interrupted } from './interrupted';
import type { GivenPackages } from './provider';
import type { ProviderRegistry } from './registry';
import { removeResources } from './removal';
import { stepCustom } from './step';
import { stepProvider } from './stepProvider';

export interface DeploymentOptions {
  project: string;
  stack: string;
  dryRun: boolean;
  /** Whether a resource of this type is read before it is compared. */
  refreshes: (type: string) => boolean;
  olds: readonly ResourceState[];
  /** URNs to replace whatever their difference says. */
  replace: ReadonlySet<string>;
  registry: ProviderRegistry;
  /** Packages beyond the closed list. */
  given?: GivenPackages;
  /** Folder from which the program's assets count. */
  folder: string;
  /** Called after every step that changed the state, with all resources in the order of the checkpoint; `creating` is about to be made. */
  save: (resources: ResourceState[], creating?: ResourceState) => Promise<void>;
  /** Asked before something is replaced or deleted. */
  approve: (changes: readonly ResourceChange[]) => Promise<boolean>;
  onChange: (change: ResourceChange) => void;
  onLog: (severity: Severity, message: string, urn: string) => void;
  now: () => Date;
  /** Aborted: the step under way is finished, no other one begun. */
  signal?: AbortSignal;
}

/**
 * One run of the program against a state: every registration becomes a step, one after the other, and the state is saved
 * after each, so that a crash at any point leaves one from which the next run converges.
 */
export class Deployment implements Monitor {
  readonly changes: ResourceChange[] = [];
  stackOutputs: PropertyMap = {};
  /** What the steps of a plan were refused for. */
  readonly refusals: unknown[] = [];
  /** The first error of a step; the program is told and nothing more is tried. */
  failure: unknown;
  private readonly olds: Map<string, ResourceState>;
  private readonly condemned: ResourceState[];
  private readonly done = new Map<string, ResourceState>();
  private readonly replaced = new Set<string>();
  private queue: Promise<unknown> = Promise.resolve();
  private changed = false;
  /** Stored when the program ended well: one that threw registers none, and those of the run before are still true. */
  private outputsOfStack: { state: ResourceState; outputs: PropertyMap } | undefined;

  constructor(readonly options: DeploymentOptions) {
    this.olds = new Map(options.olds.filter((old) => old.delete !== true).map((old) => [old.urn, old]));
    this.condemned = options.olds.filter((old) => old.delete === true);
  }

  register(registration: Registration): Promise<{ urn: string; id?: string; outputs: PropertyMap }> {
    return this.serially(async () => {
      const state = await this.step({ ...registration, inputs: withHashes(registration.inputs, this.options.folder) });
      return state.id === undefined
        ? { urn: state.urn, outputs: state.outputs }
        : { urn: state.urn, id: state.id, outputs: state.outputs };
    });
  }

  registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
    return this.serially(async () => {
      const state = this.done.get(urn);
      if (state === undefined) throw new Error(`Outputs were registered for ${urn}, which was not registered.`);
      if (state.parent === undefined) this.outputsOfStack = { state, outputs };
      else await this.storeOutputs(state, outputs);
    });
  }

  private async storeOutputs(state: ResourceState, outputs: PropertyMap): Promise<void> {
    if (sameValue(state.outputs, outputs)) return;
    state.outputs = outputs;
    await this.persist();
  }

  read(request: { type: string; name: string }): Promise<never> {
    return Promise.reject(this.unsupported(`Reading the existing resource ${request.name} (${request.type})`));
  }

  async invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    const answer = this.options.given?.[token.split(':')[0] ?? '']?.invokes?.[token];
    if (answer === undefined) throw this.unsupported(`The function ${token}`);
    return rewrap(await answer(unwrap(args)));
  }

  log(severity: Severity, message: string, urn: string): void {
    this.options.onLog(severity, message, urn);
  }

  /** After the program failed: the step under way is finished, what it had registered beyond that is not begun. */
  async stop(failure: unknown): Promise<void> {
    this.failure ??= failure;
    await this.queue;
  }

  /** After the program ended well: stores what it hands out and deletes what it no longer declares. */
  finish(): Promise<void> {
    return this.serially(async () => {
      if (this.outputsOfStack !== undefined) {
        const { state, outputs } = this.outputsOfStack;
        this.stackOutputs = outputs;
        await this.storeOutputs(state, outputs);
      }
      const remaining = [...this.olds.values()].filter((old) => !this.done.has(old.urn));
      if (remaining.length > 0) this.changed = true;
      await removeResources([...remaining, ...this.condemned], {
        ...this.options,
        changes: this.changes,
        lookup: (urn) => this.done.get(urn) ?? this.olds.get(urn),
        // A replacement is one change: removing the old one is told only where it fails.
        record: (change) => {
          if (change.error !== undefined || !this.replaced.has(change.urn)) this.record(change);
        },
        removed: async (state) => {
          if (state.delete === true) this.condemned.splice(this.condemned.indexOf(state), 1);
          else this.olds.delete(state.urn);
          await this.persist();
        },
      });
    });
  }

  /** Every resource in the order of the checkpoint: what this run saw first, then what it has not reached or still has to delete. */
  resources(): ResourceState[] {
    const waiting = [...this.olds.values()].filter((old) => !this.done.has(old.urn));
    return [...this.done.values(), ...waiting, ...this.condemned];
  }

  get hasChanged(): boolean {
    return this.changed;
  }

  /** The provider resource a step needs, by `URN::ID`. */
  stateOf(urn: string): ResourceState | undefined {
    return this.done.get(urn);
  }

  oldOf(urn: string): ResourceState | undefined {
    return this.olds.get(urn);
  }

  /** Registers a provider the SDK left to the engine, once. */
  async ensureProvider(registration: Registration): Promise<ResourceState> {
    const urn = urnOf(this.options.stack, this.options.project, '', registration.type, registration.name);
    return this.done.get(urn) ?? (await this.accept(await stepProvider(this, registration, urn)));
  }

  private async step(registration: Registration): Promise<ResourceState> {
    const { stack, project } = this.options;
    const urn = urnOf(stack, project, registration.parent, registration.type, registration.name);
    if (this.done.has(urn)) {
      throw new PlatformError(
        'duplicate-resource',
        `The program declares ${urn} twice.`,
        'Give one of the two another name.',
        { kind: 'usage', object: urn },
      );
    }
    assertSupported(registration, new Set(this.olds.keys()), this.options.given);
    const started = performance.now();
    try {
      const result = await this.dispatch(registration, urn);
      result.change.durationMs = Math.round(performance.now() - started);
      return await this.accept(result);
    } catch (error) {
      const old = this.olds.get(urn);
      this.record({
        ...changeOf(registration, urn, old === undefined ? 'create' : 'update', []),
        durationMs: Math.round(performance.now() - started),
        error: errorShown(error),
      });
      throw error;
    }
  }

  private dispatch(registration: Registration, urn: string): Promise<StepResult> {
    if (registration.type.startsWith('pulumi:providers:')) return stepProvider(this, registration, urn);
    if (!registration.custom) return Promise.resolve(this.stepComponent(registration, urn));
    return stepCustom(this, registration, urn);
  }

  private stepComponent(registration: Registration, urn: string): StepResult {
    const old = this.olds.get(urn);
    const state: ResourceState = { ...goalOf(registration, urn, old), outputs: old?.outputs ?? {} };
    const changed = old === undefined ? [] : propertyChanges(old.inputs, state.inputs);
    const operation = old === undefined ? 'create' : changed.length > 0 ? 'update' : 'same';
    return { state, change: changeOf(registration, urn, operation, changed) };
  }

  private async accept(result: StepResult): Promise<ResourceState> {
    const { state, change, condemned, refused = [] } = result;
    if (refused.length > 0) {
      this.refusals.push(...refused);
      this.done.set(state.urn, state);
      this.record(change);
      return state;
    }
    const old = this.olds.get(state.urn);
    if (change.operation !== 'same') {
      state.modified = this.options.now().toISOString();
      if (old === undefined || change.operation === 'replace') state.created = state.modified;
    }
    this.done.set(state.urn, state);
    if (condemned !== undefined) {
      this.condemned.push({ ...condemned, delete: true });
      this.replaced.add(condemned.urn);
      this.olds.delete(condemned.urn);
    }
    // Saved first: what is reported as done survives a kill.
    if (change.operation !== 'same' || old === undefined || differs(old, state)) await this.persist();
    this.record(change);
    return state;
  }

  /** What is about to be made, told the state first, as Pulumi does; undefined: it was not made after all. */
  announce(creating: ResourceState | undefined): Promise<void> {
    return this.options.save(this.resources(), creating);
  }

  private record(change: ResourceChange): void {
    if (isDefaultProvider(change.urn)) return;
    this.changes.push(change);
    this.options.onChange(change);
  }

  private async persist(): Promise<void> {
    this.changed = true;
    if (!this.options.dryRun) await this.options.save(this.resources());
  }

  private serially<T>(work: () => Promise<T>): Promise<T> {
    const next = this.queue.then(async () => {
      if (this.failure !== undefined) throw new Error('An earlier step failed, so this one was not tried.');
      try {
        if (this.options.signal?.aborted === true) throw interrupted();
        return await work();
      } catch (error) {
        this.failure = error;
        throw error;
      }
    });
    this.queue = next.catch(() => undefined);
    return next;
  }

  private unsupported(what: string): PlatformError {
    return new PlatformError(
      'call-unsupported',
      `${what} is not supported by the embedded engine.`,
      'Install Pulumi (`npm run coachdb -- engine install`) and run with --engine pulumi.',
      { kind: 'refused' },
    );
  }
}

/** Whether a step that changed nothing still leaves other things to store (refreshed outputs, new dependencies). */
function differs(old: ResourceState, state: ResourceState): boolean {
  const plain = ({
    urn,
    parent,
    provider,
    protect,
    deletedWith,
    dependencies,
    propertyDependencies,
    id,
  }: ResourceState): string =>
    JSON.stringify({
      urn,
      parent,
      provider,
      protect: protect === true,
      deletedWith,
      dependencies,
      propertyDependencies,
      id,
    });
  return !sameValue(old.inputs, state.inputs) || !sameValue(old.outputs, state.outputs) || plain(old) !== plain(state);
}
