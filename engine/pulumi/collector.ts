import { type PlatformError, toProblem } from '../../system/errors';
import { show } from '../apply/difference';
import { reasonsOf } from '../apply/inputsRefused';
import { countOperations, type DeploymentResult, type Operation, type ResourceChange } from '../changes';
import { programError } from '../protocol/program';
import { nameOf, typeOf } from '../protocol/registration';
import { type DiagnosticEvent, type EngineEvent, type StepMetadata } from './eventTypes';
import { failed, ResourceErrors, shownError } from './resourceError';
import { changesOfRefresh, changesOfStep, decodeValues } from './stepChanges';

/** A step of Pulumi's as an operation of ours; a replacement takes up to three steps. */
const OPERATIONS: Record<string, Operation> = {
  same: 'same',
  create: 'create',
  update: 'update',
  delete: 'delete',
  replace: 'replace',
  'create-replacement': 'replace',
  'delete-replaced': 'replace',
  read: 'read',
  'read-replacement': 'read',
  'read-discarded': 'delete',
  'discard-replaced': 'replace',
  import: 'create',
  'import-replacement': 'replace',
};
const STACK_TYPE = 'pulumi:pulumi:Stack';
/** Said after the errors that matter. */
const AFTERWORD = /^(update|preview|refresh|destroy) failed$/;

export interface CollectorOptions {
  operation: DeploymentResult['operation'];
  /** A resource is done, with what became of it. */
  onChange: (change: ResourceChange) => void;
  onMessage: (severity: 'info' | 'warning' | 'error', message: string, urn: string) => void;
}

/** Turns Pulumi's events, as they arrive, into the changes both engines report. */
export class EventCollector {
  /** How it ended in Pulumi's own words (`succeeded`, `failed`, `canceled`); undefined: it never got that far. */
  outcome: string | undefined;
  /** Operations an earlier killed run left, as Pulumi names them. */
  readonly pending: string[] = [];
  private readonly changes = new Map<string, ResourceChange>();
  private readonly startedAt = new Map<string, number>();
  private readonly refreshing = new Set<string>();
  private readonly gone = new Set<string>();
  /** Begun and not ended; true: a real resource, not a component. */
  private readonly unfinished = new Map<string, boolean>();
  private readonly errors = new ResourceErrors();
  private readonly programErrors: string[] = [];
  private outputs: Record<string, unknown> = {};

  constructor(private readonly options: CollectorOptions) {}

  /** `now` in milliseconds: Pulumi's own times are whole seconds. */
  accept(event: EngineEvent, now: number): void {
    if (event.diagnosticEvent !== undefined) this.diagnostic(event.diagnosticEvent);
    if (event.resourcePreEvent !== undefined) this.begin(event.resourcePreEvent.metadata, now);
    if (event.resOutputsEvent !== undefined) this.end(event.resOutputsEvent.metadata, now);
    if (event.resOpFailedEvent !== undefined) this.fail(event.resOpFailedEvent.metadata, now);
    if (event.summaryEvent !== undefined) this.outcome = event.summaryEvent.result ?? 'succeeded';
  }

  /** Everything so far, in the order the resources were begun. */
  result(durationMs: number): DeploymentResult {
    const changes = this.finished();
    return {
      operation: this.options.operation,
      changes,
      counts: countOperations(changes),
      outputs: this.outputs,
      durationMs,
      problems: this.failures().map(toProblem),
    };
  }

  /** What went wrong in the program, then with each resource. */
  failures(): PlatformError[] {
    const ofProgram = this.programErrors.map((message) => programError(message));
    const ofResources = this.finished().flatMap(({ urn, error }) =>
      error === undefined ? [] : reasonsOf(this.errors.of(urn) ?? failed(urn, error)),
    );
    return [...ofProgram, ...ofResources];
  }

  private begin(step: StepMetadata, now: number): void {
    const { op, urn } = step;
    if (op === 'refresh') {
      this.refreshing.add(urn);
      this.startedAt.set(urn, now);
      if (this.options.operation === 'refresh') this.changeOf(step, 'same');
      return;
    }
    const operation = OPERATIONS[op];
    if (operation === undefined) return;
    const known = this.changes.get(urn);
    if (known?.operation !== 'replace') {
      this.startedAt.set(urn, now);
      this.unfinished.set(urn, (step.new ?? step.old)?.custom === true);
    }
    const change = this.changeOf(step, operation);
    // Deleting the old one, before or after, says nothing of what changed.
    if (op === 'delete-replaced') return;
    change.changed = operation === 'update' || operation === 'replace' ? changesOfStep(step) : [];
    change.replaces = step.keys ?? [];
    if (op.startsWith('import')) change.note = 'taken over as it is';
    if (this.gone.has(urn) && operation === 'create') change.note = 'was in the state but no longer exists';
  }

  private end(step: StepMetadata, now: number): void {
    if (this.refreshing.delete(step.urn)) {
      this.refreshed(step, now);
      return;
    }
    if (step.type === STACK_TYPE && step.new !== null) this.outputs = shown(step.new.outputs);
    const change = this.changes.get(step.urn);
    if (change === undefined) return;
    change.durationMs = this.since(step.urn, now);
    // A replacement is done when the new one is there; deleting the old one only adds to its time.
    if (step.op === 'replace' || step.op === 'delete-replaced') return;
    if (this.unfinished.delete(step.urn)) this.options.onChange(change);
  }

  /** Within `up` a refresh only corrects the state the steps start from; as an operation it is the result. */
  private refreshed(step: StepMetadata, now: number): void {
    if (step.new === null || step.op === 'delete') this.gone.add(step.urn);
    if (this.options.operation !== 'refresh') return;
    const change = this.changeOf(step, step.new === null ? 'delete' : (OPERATIONS[step.op] ?? 'same'));
    change.durationMs = this.since(step.urn, now);
    if (change.operation === 'delete') change.note = 'no longer exists';
    else change.changed = changesOfRefresh(step);
    if (step.type === STACK_TYPE && step.new !== null) this.outputs = shown(step.new.outputs);
    this.options.onChange(change);
  }

  private fail(step: StepMetadata, now: number): void {
    this.refreshing.delete(step.urn);
    this.unfinished.delete(step.urn);
    const change = this.changeOf(step, OPERATIONS[step.op] ?? 'update');
    change.durationMs = this.since(step.urn, now);
    change.error = this.errorText(step.urn) ?? 'Pulumi gave no reason.';
    this.options.onChange(change);
  }

  private changeOf(step: StepMetadata, operation: Operation): ResourceChange {
    const known = this.changes.get(step.urn);
    if (known !== undefined) {
      known.operation = operation;
      return known;
    }
    const parent = (step.new ?? step.old)?.parent ?? '';
    const change: ResourceChange = {
      urn: step.urn,
      type: typeOf(step.urn),
      name: nameOf(step.urn),
      ...(parent === '' ? {} : { parent }),
      operation,
      changed: [],
      replaces: [],
    };
    this.changes.set(step.urn, change);
    return change;
  }

  private since(urn: string, now: number): number {
    return Math.round(now - (this.startedAt.get(urn) ?? now));
  }

  private diagnostic({ severity, message, urn = '', ephemeral }: DiagnosticEvent): void {
    // Debug messages hold secrets in the clear.
    if (severity === 'debug' || ephemeral === true) return;
    const text = message.trim();
    if (severity === 'error' && AFTERWORD.test(text)) return;
    for (const [, operation = ''] of text.matchAll(/^\s*\* (urn:\S+, interrupted while \w+)$/gm))
      this.pending.push(operation);
    if (severity === 'error') {
      if (urn === '' || typeOf(urn) === STACK_TYPE) this.programErrors.push(text);
      else this.errors.add(urn, text);
    }
    this.options.onMessage(severity === 'error' || severity === 'warning' ? severity : 'info', text, urn);
  }

  private finished(): ResourceChange[] {
    const begun = [...this.changes.values()].map((change) => {
      const error = change.error ?? this.errorOf(change);
      return error === undefined ? change : { ...change, error };
    });
    // What a check or a protection refuses never becomes a step.
    const refused =
      this.outcome === 'succeeded'
        ? []
        : this.errors.urns.filter((urn) => begun.every((change) => change.urn !== urn || change.error === undefined));
    const operation = this.options.operation === 'destroy' ? 'delete' : 'update';
    return [
      ...begun.filter(({ urn }) => !refused.includes(urn)),
      ...refused.map((urn): ResourceChange => {
        const known = this.changes.get(urn) ?? { urn, type: typeOf(urn), name: nameOf(urn), changed: [], replaces: [] };
        return { ...known, operation, error: this.errorText(urn) ?? '' };
      }),
    ];
  }

  /** A component that registers no outputs has no end of its own; a real resource without one was cut off. */
  private errorOf({ urn, operation }: ResourceChange): string | undefined {
    const cutOff = this.outcome !== 'succeeded' && this.unfinished.get(urn) === true && operation !== 'same';
    const said = operation === 'same' ? undefined : this.errorText(urn);
    return said ?? (cutOff ? 'Pulumi ended before this was done.' : undefined);
  }

  private errorText(urn: string): string | undefined {
    const error = this.errors.of(urn);
    return error === undefined ? undefined : shownError(error);
  }
}

function shown(outputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decodeValues(outputs)).map(([key, value]) => [key, show(value)]));
}
