import type { Graph } from '../engine/graph/graph';
import { autoTune } from '../postgres/tuning/autoTune';
import type { Stack } from './stack';

/*
 * An offline command says what a stack declares, not what this machine is: it keeps no port, writes no file, and shows as a symbol whatever
 * follows from where the checkout lies or how large the machine is. So two checkouts, two machines and two revisions compare.
 */

/** Stands for a port that is still to be chosen; none that a person or a service uses. */
const ANY_PORT = 61_037;
/** Any declared memory size fits into it. */
export const NO_MACHINE = { memoryBytes: 2 ** 42, cpus: 64 };

/** The stack's program as if it ran on no machine in particular. */
export function offlineProgram({ program, settings }: Stack): Stack['program'] {
  const { config, environment } = program;
  const machine = { COACHDB_MACHINE: `${NO_MACHINE.memoryBytes},${NO_MACHINE.cpus}` };
  if (settings.environment !== 'local' || settings.server.port !== 'auto')
    return { ...program, environment: { ...environment, ...machine } };
  const server = JSON.parse(config['coach:server'] ?? '{}') as Record<string, unknown>;
  return {
    ...program,
    config: { ...config, 'coach:server': JSON.stringify({ ...server, port: ANY_PORT }) },
    environment: { ...environment, ...machine },
  };
}

/** Symbols in the place of what only a machine decides. */
export function withoutMachine(graph: Graph, { program, settings }: Stack): Graph {
  const sized =
    settings.environment === 'local' && settings.tuning === 'auto'
      ? Object.keys(autoTune(NO_MACHINE, settings.parameters).parameters).filter(
          (name) => !(name in settings.parameters),
        )
      : [];
  const show = (value: unknown): unknown => {
    if (value === ANY_PORT) return '‹port›';
    if (typeof value === 'string') return value.replaceAll(program.projectRoot, '‹project›');
    if (Array.isArray(value)) return value.map(show);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, show(entry)]));
  };
  const symbols = Object.fromEntries(sized.map((name) => [name, '‹sized from the machine›']));
  const resources = graph.resources.map((resource) => {
    const inputs = show(resource.inputs) as Record<string, unknown>;
    const { parameters } = inputs;
    if (!resource.type.endsWith('coach:Server') || typeof parameters !== 'object') return { ...resource, inputs };
    return { ...resource, inputs: { ...inputs, parameters: { ...parameters, ...symbols } } };
  });
  return {
    ...graph,
    resources,
    outputs: show(graph.outputs) as Record<string, unknown>,
    notices: graph.notices.map((notice) => String(show(notice))),
  };
}
