import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { DiffResult, GivenPackage, ResourceProvider } from '../../engine/apply/provider';
import type { Clients } from './clients';
import { covers } from './covers';
import { EMULATOR_FAULTS } from './emulatorFaults';
import type { KindContext, Kinds, Properties, ResourceKind, Value } from './kind';

export interface StandInOptions {
  kinds: Kinds;
  clients: (region: string) => Clients;
  accountId: string;
  /** From where paths of assets count. */
  folder: string;
  /** Of the administrator of the server that instances stand for. */
  masterPassword: string;
  /** Faults of the list that the run proved to be there: type and path. */
  onFault?: (type: string, path: string) => void;
}

/** A package of the embedded engine that stands in for Pulumi's aws provider. */
export function standIn(options: StandInOptions): GivenPackage {
  const { accountId } = options;
  const invokes = {
    'aws:index/getCallerIdentity:getCallerIdentity': {
      accountId,
      arn: `arn:aws:iam::${accountId}:root`,
      id: accountId,
    },
  };
  return {
    types: new Set(Object.keys(options.kinds)),
    open: (config) => new StandIn(options, config),
    invokes: Object.fromEntries(
      Object.entries(invokes).map(([token, answer]) => [token, () => Promise.resolve(answer)]),
    ),
  };
}

/** Check, diff, create, read, update and delete of every kind, as the real provider does them. */
export class StandIn implements ResourceProvider {
  readonly autonames = true;
  private readonly region: string;
  private readonly clients: Clients;

  constructor(
    private readonly options: StandInOptions,
    private readonly config: Properties,
  ) {
    this.region = typeof config['region'] === 'string' ? config['region'] : 'eu-west-1';
    this.clients = options.clients(this.region);
  }

  check(
    type: string,
    olds: Properties | undefined,
    news: Properties,
    urn = '',
  ): Promise<{ inputs: Properties; failures: [] }> {
    const { autoname, tagged } = this.kind(type);
    const inputs = { ...news };
    if (autoname !== undefined && inputs[autoname] === undefined) {
      const name = urn.split('::').at(-1) ?? '';
      // A random name of Pulumi's own shape; the old one stays where there is one.
      inputs[autoname] = olds?.[autoname] ?? `${name}-${randomBytes(4).toString('hex').slice(0, 7)}`;
    }
    if (tagged === true) {
      const tags = { ...this.defaultTags(), ...((news['tags'] ?? {}) as Properties) };
      if (Object.keys(tags).length > 0) inputs['tags'] = tags;
    }
    return Promise.resolve({ inputs, failures: [] });
  }

  diff(type: string, _id: string, olds: Properties, oldInputs: Properties, news: Properties): Promise<DiffResult> {
    const kind = this.kind(type);
    const { replaces, unread = [], deleteBeforeReplace } = kind;
    const changed = Object.keys({ ...oldInputs, ...news })
      .filter((key) => !key.startsWith('__'))
      .filter((key) => !covers((unread.includes(key) ? oldInputs : olds)[key], news[key], key, key in oldInputs));
    return Promise.resolve({
      changed,
      replaces: changed.filter((key) => (kind.update === undefined ? !unread.includes(key) : replaces.includes(key))),
      ...(deleteBeforeReplace === true ? { deleteBeforeReplace } : {}),
    });
  }

  async create(type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const kind = this.kind(type);
    const made = await told(
      `${type} ${JSON.stringify(inputs[kind.autoname ?? ''])}`,
      kind.create(this.clients, inputs, this.context()),
    );
    const { id, once } = typeof made === 'string' ? { id: made, once: {} } : made;
    const found = await this.read(type, id, once, inputs);
    if (found === undefined) throw new Error(`${type} ${id} was made and is not there`);
    return found;
  }

  async read(
    type: string,
    id: string,
    outputs: Properties,
    inputs: Properties,
  ): Promise<{ id: string; outputs: Properties } | undefined> {
    const kind = this.kind(type);
    const found = await kind.read(this.clients, id, { ...inputs, ...outputs }, this.context());
    if (found === undefined) return undefined;
    let known = found;
    for (const path of EMULATOR_FAULTS[type] ?? []) {
      const mended = believed(known, inputs, path.split('.')) as Properties;
      if (!isDeepStrictEqual(mended, known)) this.options.onFault?.(type, path);
      known = mended;
    }
    return { id, outputs: { ...picked(inputs, kind.unread ?? []), ...known, id } };
  }

  async update(
    type: string,
    id: string,
    olds: Properties,
    oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }> {
    const kind = this.kind(type);
    const old = { inputs: oldInputs, outputs: olds };
    if (kind.update === undefined) throw new Error(`${type} ${id} cannot be updated`);
    await told(`${type} ${id}`, kind.update(this.clients, id, news, old, this.context()));
    const found = await this.read(type, id, olds, news);
    if (found === undefined) throw new Error(`${type} ${id} was updated and is not there`);
    return { outputs: found.outputs };
  }

  /** Everything AWS has made of its own stays as it is. */
  planUpdate(_type: string, outputs: Properties, news: Properties): Properties {
    return { ...outputs, ...news };
  }

  async delete(type: string, id: string, outputs: Properties): Promise<void> {
    await told(`${type} ${id}`, this.kind(type).delete(this.clients, id, outputs, this.context()));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private kind(type: string): ResourceKind {
    const kind = this.options.kinds[type];
    if (kind === undefined) throw new Error(`the stand-in does not know ${type}`);
    return kind;
  }

  private context(): KindContext {
    const { accountId, folder, masterPassword } = this.options;
    return { region: this.region, accountId, folder, masterPassword };
  }

  private defaultTags(): Properties {
    const { defaultTags } = this.config;
    const parsed = (typeof defaultTags === 'string' ? JSON.parse(defaultTags) : (defaultTags ?? {})) as Properties;
    return (parsed['tags'] ?? {}) as Properties;
  }
}

/** AWS's errors say neither which resource they are about nor, often, what went wrong but for their name. */
async function told<T>(object: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { name, message } = error as Error;
    throw new Error(`${object}: ${name}: ${message}`, { cause: error });
  }
}

/** What was found, with what stands at a place of the declared instead; in lists, of the element at the same index. */
function believed(found: Value | undefined, declared: Value | undefined, path: readonly string[]): Value | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return declared;
  if (Array.isArray(found) && Array.isArray(declared))
    return found.map((entry, at) => believed(entry, declared[at], path) ?? null);
  if (!isObject(declared) || !(key in declared) || (found !== undefined && !isObject(found))) return found;
  const value = believed(found?.[key], declared[key], rest);
  return value === undefined ? found : { ...found, [key]: value };
}

function isObject(value: Value | undefined): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function picked(properties: Properties, names: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));
}
