import { PlatformError } from '../../system/errors';
import type { CheckpointFile, PendingOperation, RawResource } from './checkpointFile';

/** What a repair does with one pending operation. */
export interface PendingRepair {
  urn: string;
  /** `creating`, `updating`, `deleting`, `reading`, `importing`. */
  kind: string;
  /** adopt: put into the state under `id`, for a refresh to read or drop; forget: the refresh finds out what became of it. */
  action: 'adopt' | 'forget';
  id?: string;
  explanation: string;
  /** False: something was being made of which only its provider knows whether it can be made again. */
  certain: boolean;
}

/** The id a resource would have if it was made, where its inputs alone say it. */
export type IdOf = (type: string, inputs: Record<string, unknown>) => string | undefined;

export function pendingOperations(file: CheckpointFile): PendingOperation[] {
  return file.checkpoint.latest?.pending_operations ?? [];
}

/**
 * How to mend what a killed run left undecided. A refresh has to follow: it reads what really is there. Something being
 * created is adopted where its id is known, since making it again would fail ("already exists"); else it is forgotten and made
 * again. What was being updated or deleted is in the state anyway.
 */
export function planPendingRepair(file: CheckpointFile, idOf: IdOf = idOfDatabaseObject): PendingRepair[] {
  const present = new Set((file.checkpoint.latest?.resources ?? []).map((resource) => resource['urn']));
  return pendingOperations(file).map(({ resource, type: kind }) => {
    const urn = String(resource['urn']);
    const id =
      kind === 'creating' && !present.has(urn) ? idOf(String(resource['type']), inputsOf(resource)) : undefined;
    const explanation = EXPLANATIONS[kind] ?? `It was interrupted while ${kind}.`;
    const certain = kind !== 'creating' || REPEATABLE.test(String(resource['type']));
    const plan = { urn, kind, explanation, certain };
    return id === undefined ? { ...plan, action: 'forget' } : { ...plan, action: 'adopt', id };
  });
}

const EXPLANATIONS: Record<string, string> = {
  creating: 'It may or may not have been made.',
  updating: 'It may have the old or the new properties.',
  deleting: 'It may still be there.',
  reading: 'It was only being read.',
  importing: 'It was only being read into the state.',
};

/** Roles and databases cannot be made twice; every other object of the postgresql provider can. */
const NAMED_OBJECTS = new Set(['postgresql:index/role:Role', 'postgresql:index/database:Database']);

/** What is adopted, or can be made a second time and is then the same: all that the local stack declares. */
const REPEATABLE = /^(postgresql|random|coach|pulumi):|^pulumi-nodejs:dynamic\/coach:/;

/** Making it a second time is an error, for Pulumi's provider at least. */
export function isMadeOnce(type: string): boolean {
  return NAMED_OBJECTS.has(type);
}

function idOfDatabaseObject(type: string, inputs: Record<string, unknown>): string | undefined {
  const { name } = inputs;
  return isMadeOnce(type) && typeof name === 'string' ? name : undefined;
}

/** The file without pending operations, and with what is adopted in its resources. */
export function repairPending(file: CheckpointFile, plan: readonly PendingRepair[]): CheckpointFile {
  const latest = file.checkpoint.latest;
  if (latest === undefined) return file;
  const { pending_operations: pending = [], ...others } = latest;
  const resources = [...(latest.resources ?? [])];
  for (const { urn, action, id } of plan) {
    const operation = pending.find(({ resource }) => resource['urn'] === urn);
    if (action === 'adopt' && id !== undefined && operation !== undefined)
      resources.push(adopted(operation.resource, id));
  }
  return { ...file, checkpoint: { ...file.checkpoint, latest: { ...others, resources } } };
}

/** As if it had been created with its inputs as outputs; the refresh corrects them. */
function adopted(resource: RawResource, id: string): RawResource {
  const outputs = Object.entries(inputsOf(resource)).filter(([name]) => name !== '__defaults');
  return { ...resource, id, outputs: { ...Object.fromEntries(outputs), id } };
}

function inputsOf(resource: RawResource): Record<string, unknown> {
  return (resource['inputs'] ?? {}) as Record<string, unknown>;
}

/** The file with its pending operations settled; as it is where one of them cannot be decided here. */
export function settled(file: CheckpointFile): { file: CheckpointFile; repairs: PendingRepair[] } {
  const repairs = planPendingRepair(file);
  if (!repairs.every(({ certain }) => certain)) return { file, repairs: [] };
  return repairs.length === 0 ? { file, repairs } : { file: repairPending(file, repairs), repairs };
}

/** The error of a run that finds pending operations: each with its URN and what it means. */
export function pendingError(file: CheckpointFile, path: string): PlatformError | undefined {
  const plan = planPendingRepair(file);
  if (plan.length === 0) return undefined;
  const lines = plan.map(({ urn, kind, explanation }) => `  ${urn}, interrupted while ${kind}. ${explanation}`);
  return new PlatformError(
    'operations-pending',
    `A run of Pulumi was killed in the middle of ${plan.length === 1 ? 'an operation' : `${plan.length} operations`}:\n${lines.join('\n')}`,
    'Look whether it was made, then run `npm run up -- --repair-pending`: it forgets what nobody here can know and reads the rest again.',
    { kind: 'refused', object: path },
  );
}
