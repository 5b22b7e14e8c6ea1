import type { Parameters, ParameterValue } from '../spec';
import type { Machine } from './machine';
import { parseParameter } from './value';

/** One sized parameter and where its rule comes from. */
export interface AppliedRule {
  name: string;
  value: ParameterValue;
  rule: string;
  source: string;
}

interface Rule {
  name: string;
  rule: string;
  source: string;
  /** Undefined: the server's default is right for this machine. */
  value: (machine: Machine, chosen: (name: string, otherwise: number) => number) => ParameterValue | undefined;
}

const MIB = 1024 ** 2;
const MANUAL = 'PostgreSQL manual, Resource Consumption';
const PGTUNE = 'pgtune (profile web)';
const WIKI = 'PostgreSQL wiki, Tuning Your PostgreSQL Server';

/** Whole megabytes; at least one. */
const megabytes = (bytes: number): string => `${Math.max(1, Math.floor(bytes / MIB))}MB`;

/** In order: a later rule may read what an earlier one chose. Storage is unknown here, so its costs are not touched. */
const rules: Rule[] = [
  {
    name: 'shared_buffers',
    rule: 'a quarter of the memory',
    source: MANUAL,
    value: ({ memoryBytes }) => megabytes(memoryBytes / 4),
  },
  {
    name: 'effective_cache_size',
    rule: 'three quarters of the memory',
    source: WIKI,
    value: ({ memoryBytes }) => megabytes((memoryBytes * 3) / 4),
  },
  {
    name: 'maintenance_work_mem',
    rule: 'a sixteenth of the memory, 16MB to 2GB',
    source: PGTUNE,
    value: ({ memoryBytes }) => megabytes(Math.min(2048 * MIB, Math.max(16 * MIB, memoryBytes / 16))),
  },
  {
    name: 'max_worker_processes',
    rule: 'the processors, where more than 8',
    source: PGTUNE,
    value: ({ cpus }) => (cpus > 8 ? cpus : undefined),
  },
  {
    name: 'max_parallel_workers',
    rule: 'the processors, from 4 on',
    source: PGTUNE,
    value: ({ cpus }) => (cpus >= 4 ? cpus : undefined),
  },
  {
    name: 'max_parallel_workers_per_gather',
    rule: 'half the processors, at most 4, from 4 on',
    source: PGTUNE,
    value: ({ cpus }) => (cpus >= 4 ? Math.min(4, Math.ceil(cpus / 2)) : undefined),
  },
  {
    name: 'max_parallel_maintenance_workers',
    rule: 'half the processors, at most 4, from 4 on',
    source: PGTUNE,
    value: ({ cpus }) => (cpus >= 4 ? Math.min(4, Math.ceil(cpus / 2)) : undefined),
  },
  {
    name: 'work_mem',
    rule: 'memory beside shared_buffers, over three sorts for each connection and worker, at least 4MB',
    source: PGTUNE,
    value: ({ memoryBytes }, chosen) => {
      const rest = Math.max(0, memoryBytes - chosen('shared_buffers', 16) * 8192);
      const sorts = 3 * (chosen('max_connections', 100) + chosen('max_worker_processes', 8));
      return megabytes(Math.max(4 * MIB, rest / sorts));
    },
  },
];

/** The parameters `tuning: auto` can choose. */
export const tunedParameters: readonly string[] = rules.map((rule) => rule.name);

/**
 * Parameters sized for a machine, `explicit` ones winning and read by the rules that depend on them. `applied` says which rule
 * chose what, and leaves out what `explicit` decided.
 */
export function autoTune(
  machine: Machine,
  explicit: Parameters = {},
): { parameters: Parameters; applied: AppliedRule[] } {
  const parameters: Parameters = { ...explicit };
  const applied: AppliedRule[] = [];
  const chosen = (name: string, otherwise: number): number => {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const read = value === undefined ? undefined : parseParameter(name, value).parameter?.value;
    return typeof read === 'number' && read > 0 ? read : otherwise;
  };
  for (const { name, rule, source, value } of rules) {
    if (Object.hasOwn(explicit, name)) continue;
    const sized = value(machine, chosen);
    if (sized === undefined) continue;
    parameters[name] = sized;
    applied.push({ name, value: sized, rule, source });
  }
  return { parameters, applied };
}
