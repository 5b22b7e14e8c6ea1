import { PlatformError } from '../../system/errors';
import { show } from '../apply/difference';
import { type Monitor, serveMonitor, type Severity } from '../protocol/monitor';
import { programError, ProgramFailed, type ProgramOptions, startProgram } from '../protocol/program';
import { type Registration, STACK_TYPE, urnOf } from '../protocol/registration';
import { type PropertyMap } from '../state/values';
import { symbolicAnswer, symbolicOutputs } from './symbols';

/** One declared resource, values as a report may show them: secrets `[secret]`, unknown ones `[unknown]`. */
export interface GraphResource {
  urn: string;
  type: string;
  name: string;
  parent?: string;
  custom: boolean;
  inputs: Record<string, unknown>;
  /** URNs, sorted. */
  dependencies: string[];
  protect: boolean;
  provider?: string;
  deletedWith?: string;
  retainOnDelete?: boolean;
  deleteBeforeReplace?: boolean;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
  aliases?: string[];
  import?: string;
  additionalSecretOutputs?: string[];
}

export interface Graph {
  stack: string;
  /** In the order of their URNs, so that two runs compare. */
  resources: GraphResource[];
  /** What the stack hands out, shown like inputs. */
  outputs: Record<string, unknown>;
  /** Warnings the program logged. */
  notices: string[];
}

export interface GraphOptions {
  program: Omit<ProgramOptions, 'monitorAddress' | 'onOutput' | 'dryRun'>;
  /** Answers of `get*` functions by token: `aws:index/getRegion:getRegion`. */
  invokes: Record<string, PropertyMap>;
  onLog: (severity: Severity, message: string) => void;
}

/** Runs the program against a monitor that contacts nothing and returns everything it declares. */
export async function buildGraph(options: GraphOptions): Promise<Graph> {
  const recorder = new Recorder(options);
  const monitor = await serveMonitor(recorder);
  try {
    const program = startProgram({
      ...options.program,
      dryRun: true,
      monitorAddress: monitor.address,
      onOutput: (line) => options.onLog('info', line),
    });
    await program.finished.catch((error: unknown) => {
      if (!(error instanceof ProgramFailed)) throw error;
      throw programError(recorder.errors.join('\n') || error.message);
    });
  } finally {
    monitor.close();
  }
  return recorder.graph();
}

class Recorder implements Monitor {
  readonly errors: string[] = [];
  private readonly resources = new Map<string, GraphResource>();
  private readonly notices: string[] = [];
  private outputs: PropertyMap = {};

  constructor(private readonly options: GraphOptions) {}

  register(registration: Registration): Promise<{ urn: string; id?: string; outputs: PropertyMap }> {
    const { stack, project } = this.options.program;
    const urn = urnOf(stack, project, registration.parent, registration.type, registration.name);
    if (this.resources.has(urn)) return Promise.reject(new Error(`The program declares ${urn} twice.`));
    this.resources.set(urn, describe(registration, urn));
    if (!registration.custom) return Promise.resolve({ urn, outputs: {} });
    const { type, name, inputs, provider } = registration;
    const outputs = symbolicOutputs(type, name, inputs, this.regionOf(provider));
    return Promise.resolve({ urn, id: `‹${registration.name}.id›`, outputs: { ...registration.inputs, ...outputs } });
  }

  /** As the provider was declared; undefined where only the surroundings would know. */
  private regionOf(provider: string): string | undefined {
    const region = this.resources.get(providerUrn(provider))?.inputs['region'];
    return typeof region === 'string' ? region : undefined;
  }

  registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
    if (this.resources.get(urn)?.type === STACK_TYPE) this.outputs = outputs;
    return Promise.resolve();
  }

  read(request: { type: string; name: string; id: string; parent: string; inputs: PropertyMap }): Promise<{
    urn: string;
    outputs: PropertyMap;
  }> {
    const { stack, project } = this.options.program;
    const urn = urnOf(stack, project, request.parent, request.type, request.name);
    return Promise.resolve({
      urn,
      outputs: { ...request.inputs, ...symbolicOutputs(request.type, request.name, request.inputs) },
    });
  }

  invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    const answer = this.options.invokes[token] ?? symbolicAnswer(token);
    if (answer !== undefined) return Promise.resolve(answer);
    return Promise.reject(
      new PlatformError(
        'invoke-unanswered',
        `The program calls ${token}(${JSON.stringify(show(args))}), which only a provider could answer.`,
        `Name its answer in the stack's settings: coach:graph, invokes, "${token}".`,
        { kind: 'usage', object: token },
      ),
    );
  }

  log(severity: Severity, message: string): void {
    if (severity === 'error') this.errors.push(message);
    if (severity === 'warning') this.notices.push(message);
    this.options.onLog(severity, message);
  }

  graph(): Graph {
    const byUrn = (a: GraphResource, b: GraphResource): number => (a.urn < b.urn ? -1 : 1);
    return {
      stack: this.options.program.stack,
      resources: [...this.resources.values()].sort(byUrn),
      outputs: shown(this.outputs),
      notices: this.notices,
    };
  }
}

/** Of `URN::ID`. */
const providerUrn = (reference: string): string => reference.slice(0, Math.max(0, reference.lastIndexOf('::')));

function describe(registration: Registration, urn: string): GraphResource {
  const dependencies = new Set([
    ...registration.dependencies,
    ...Object.values(registration.propertyDependencies).flat(),
  ]);
  const aliases = registration.aliases
    .map(({ urn: alias, name }) => alias ?? name ?? '')
    .filter((alias) => alias !== '');
  return {
    urn,
    type: registration.type,
    name: registration.name,
    ...(registration.parent === '' ? {} : { parent: registration.parent }),
    custom: registration.custom,
    inputs: shown(registration.inputs),
    dependencies: [...dependencies].sort(),
    protect: registration.protect === true,
    ...(registration.provider === '' ? {} : { provider: providerUrn(registration.provider) }),
    ...(registration.deletedWith === '' ? {} : { deletedWith: registration.deletedWith }),
    ...(registration.retainOnDelete === true ? { retainOnDelete: true } : {}),
    ...(registration.deleteBeforeReplace === true ? { deleteBeforeReplace: true } : {}),
    ...some('ignoreChanges', registration.ignoreChanges),
    ...some('replaceOnChanges', registration.replaceOnChanges),
    ...some('additionalSecretOutputs', registration.additionalSecretOutputs),
    ...some('aliases', aliases),
    ...(registration.importId === '' ? {} : { import: registration.importId }),
  };
}

function some<K extends string>(key: K, values: string[]): Partial<Record<K, string[]>> {
  return values.length === 0 ? {} : ({ [key]: values } as Record<K, string[]>);
}

function shown(map: PropertyMap): Record<string, unknown> {
  return show(map) as Record<string, unknown>;
}
