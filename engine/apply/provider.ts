/** Plain property values as a provider sees them: secrets unwrapped. In a preview an unknown value is `UNKNOWN`. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Properties = Record<string, Value>;

export { UNKNOWN_ON_WIRE as UNKNOWN } from '../../system/unknown';

export interface CheckResult {
  inputs: Properties;
  failures: { property: string; reason: string }[];
}

export interface DiffResult {
  /** Input properties that differ; empty: nothing to do. A provider that cannot say which gives `['']`. */
  changed: string[];
  /** The subset that can only be changed by replacing the resource. */
  replaces: string[];
  deleteBeforeReplace?: boolean;
}

/**
 * One package's resources, for the apply engine. `type` is the full token (`postgresql:index/role:Role`). Inputs and outputs
 * have the provider's own property names and shapes, since Pulumi's real provider reads the same checkpoint.
 */
export interface ResourceProvider {
  /** `urn` names the resource, for those that name things after it. */
  check(type: string, olds: Properties | undefined, news: Properties, urn?: string): Promise<CheckResult>;
  /** `check` gives names: a replacement is checked without its old inputs, and so gets a name of its own. */
  readonly autonames?: boolean;
  /** `olds` are the old outputs, refreshed before. */
  diff(type: string, id: string, olds: Properties, oldInputs: Properties, news: Properties): Promise<DiffResult>;
  /**
   * What stands where `create` would make something, which it then takes over: a note for whoever reads the plan, and inputs that remember it.
   * Undefined: nothing is there.
   */
  adopts?(type: string, inputs: Properties): Promise<{ note: string; inputs: Properties } | undefined>;
  create(type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }>;
  /** Undefined: the object no longer exists. */
  read(
    type: string,
    id: string,
    outputs: Properties,
    inputs: Properties,
  ): Promise<{ id: string; outputs: Properties } | undefined>;
  update(
    type: string,
    id: string,
    olds: Properties,
    oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }>;
  /** What an update would leave, as far as a plan can know it; without this only the inputs are known. */
  planUpdate?(type: string, outputs: Properties, news: Properties): Properties;
  delete(type: string, id: string, outputs: Properties): Promise<void>;
  close(): Promise<void>;
}

/** A package beyond the closed list, handed in by the caller. */
export interface GivenPackage {
  /** Full tokens. */
  types: ReadonlySet<string>;
  /** `config`: the provider resource's inputs. */
  open: (config: Properties) => ResourceProvider;
  /** Its `get*` functions by token (`aws:index/getRegion:getRegion`). */
  invokes?: Readonly<Record<string, (args: Properties) => Promise<Properties>>>;
}

/** By package name. The product hands in none. */
export type GivenPackages = Readonly<Record<string, GivenPackage>>;
