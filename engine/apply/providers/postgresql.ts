import { SqlState } from '../../../postgres/connection/sqlstate';
import { statementFailure } from '../../../postgres/steps/failure';
import { codeOf, PlatformError } from '../../../system/errors';
import { type CheckResult, type DiffResult, type Properties, type ResourceProvider, UNKNOWN } from '../provider';
import { type Attribute, changedKeys, DEFAULTS_KEY, freshOutputs, refreshedOutputs, withDefaults } from './attributes';
import { database } from './database';
import { defaultPrivileges } from './defaultPrivileges';
import { extension } from './extension';
import { grant } from './grant';
import type { Kind } from './kind';
import { role } from './role';
import { Connections } from './session';

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['postgresql:index/role:Role', role],
  ['postgresql:index/database:Database', database],
  ['postgresql:index/extension:Extension', extension],
  ['postgresql:index/grant:Grant', grant],
  ['postgresql:index/defaultPrivileges:DefaultPrivileges', defaultPrivileges],
]);

/** What a statement, or whoever waits for one, is told when the server goes away. */
const GONE: ReadonlySet<string | undefined> = new Set([
  SqlState.adminShutdown,
  SqlState.crashShutdown,
  'ECONNRESET',
  'EPIPE',
]);

/**
 * Stand-in for Pulumi's postgresql provider in the local stack: the same property names, ids, defaults and output shapes, so that
 * either engine goes on from what the other one wrote. `config` is the provider resource's, all scalars as text. Other than
 * the real one (which runs in `folder`, from where its paths count) it adopts what already exists, sees a changed password, and never drops what a role owns.
 */
export function createPostgresqlProvider(config: Properties, folder = ''): ResourceProvider {
  return new PostgresqlProvider(new Connections(config, folder));
}

class PostgresqlProvider implements ResourceProvider {
  constructor(private readonly connections: Connections) {}

  check(type: string, _olds: Properties | undefined, news: Properties): Promise<CheckResult> {
    const kind = kindOf(type);
    const { attributes } = kind;
    const given = Object.entries(news).filter(([key, value]) => key !== DEFAULTS_KEY && value !== null);
    const failures = given.flatMap(([key, value]) => propertyProblem(type, key, attributes[key], value));
    for (const [property, { input }] of Object.entries(attributes)) {
      if (input === 'required' && (news[property] ?? null) === null) failures.push({ property, reason: 'is missing' });
    }
    const known = Object.fromEntries(given.filter(([, value]) => value !== UNKNOWN));
    const inputs = withDefaults(attributes, Object.fromEntries(given));
    return Promise.resolve({ inputs, failures: failures.length > 0 ? failures : kind.problems(known) });
  }

  diff(type: string, _id: string, olds: Properties, _oldInputs: Properties, news: Properties): Promise<DiffResult> {
    const { attributes, deleteBeforeReplace } = kindOf(type);
    const changed = changedKeys(attributes, olds, news);
    const replaces = changed.filter((key) => attributes[key]?.replaces === true);
    return Promise.resolve({
      changed,
      replaces,
      ...(replaces.length > 0 && deleteBeforeReplace === true ? { deleteBeforeReplace } : {}),
    });
  }

  async adopts(type: string, inputs: Properties): Promise<{ note: string; inputs: Properties } | undefined> {
    const kind = kindOf(type);
    return this.repeatable('Looking for', kind.id(inputs), async () => kind.adopts?.(this.connections, inputs));
  }

  async create(type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const kind = kindOf(type);
    return { id: kind.id(inputs), outputs: await this.settled(kind, inputs) };
  }

  async read(
    type: string,
    _id: string,
    outputs: Properties,
    inputs: Properties,
  ): Promise<{ id: string; outputs: Properties } | undefined> {
    const kind = kindOf(type);
    const found = await this.repeatable('Reading', kind.id(outputs), () =>
      kind.read(this.connections, outputs, inputs),
    );
    if (found === undefined) return undefined;
    const now = refreshedOutputs(outputs, found);
    const id = kind.id(now);
    return { id, outputs: now['id'] === id ? now : { ...now, id } };
  }

  async update(
    type: string,
    _id: string,
    olds: Properties,
    _oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }> {
    return { outputs: await this.settled(kindOf(type), news, olds) };
  }

  async delete(type: string, _id: string, outputs: Properties): Promise<void> {
    const kind = kindOf(type);
    await this.repeatable('Deleting', kind.id(outputs), () => kind.remove(this.connections, outputs));
  }

  close(): Promise<void> {
    return this.connections.close();
  }

  /** Makes it so, and reads it back: what the server says is what the state holds. */
  private async settled(kind: Kind, inputs: Properties, olds?: Properties): Promise<Properties> {
    const actual = await this.repeatable('Declaring', kind.id(inputs), async () => {
      await kind.ensure(this.connections, inputs, olds);
      return kind.read(this.connections, inputs, inputs);
    });
    return { ...freshOutputs(kind.attributes, inputs, actual ?? {}), id: kind.id(inputs) };
  }

  /** Once more over new connections when one was lost on the way: a restart of the server ends those that are kept. */
  private async repeatable<T>(doing: string, id: string, work: () => Promise<T>): Promise<T> {
    const { lost } = this.connections;
    try {
      return await work().catch(async (error: unknown) => {
        const cause = error instanceof PlatformError ? error.cause : error;
        if (this.connections.lost === lost && !GONE.has(codeOf(cause))) throw error;
        await this.connections.close();
        return work();
      });
    } catch (error) {
      throw statementFailure(error, `${doing} ${id}`, id);
    }
  }
}

function kindOf(type: string): Kind {
  const kind = KINDS.get(type);
  if (kind !== undefined) return kind;
  throw new PlatformError(
    'type-unsupported',
    `The embedded engine does not apply resources of type ${type}.`,
    `It applies ${[...KINDS.keys()].join(', ')}; for everything else run with --engine pulumi.`,
    { kind: 'refused', object: type },
  );
}

const EXPECTED = {
  text: { is: (value: unknown): boolean => typeof value === 'string', what: 'a text' },
  flag: { is: (value: unknown): boolean => typeof value === 'boolean', what: 'true or false' },
  count: { is: (value: unknown): boolean => Number.isInteger(value), what: 'a whole number' },
  texts: {
    is: (value: unknown): boolean => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
    what: 'a list of texts',
  },
};

function propertyProblem(
  type: string,
  property: string,
  attribute: Attribute | undefined,
  value: unknown,
): CheckResult['failures'] {
  if (attribute?.input === undefined) {
    const known = Object.entries(kindOf(type).attributes).filter(([, { input }]) => input !== undefined);
    const names = known.map(([key]) => key).join(', ');
    return [{ property, reason: `the embedded engine does not apply this property of ${type}; it applies ${names}` }];
  }
  const { is, what } = EXPECTED[attribute.kind];
  if (value === UNKNOWN || is(value)) return [];
  return [{ property, reason: `is ${JSON.stringify(value)}, expected ${what}` }];
}
