import { isDeepStrictEqual } from 'node:util';

import type { Client } from 'pg';

import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import type { Step } from '../../../postgres/steps/step';
import { PlatformError } from '../../../system/errors';
import type { Connection } from '../connection';
import type { CheckFailure, Handler } from '../handler';
import { notYet, planIfReachable, targetOf } from './connection';
import { withRemedy } from './failure';
import { Recent } from './recent';

/** Inputs of a resource that declares a state of the database. */
type Planned<Spec extends object> = Spec & {
  connection: Connection;
  /** What would be done, computed by `check` for previews from the database, where one answers. Empty: all is as declared. */
  plan?: string[];
};

export interface PlannedKind<Spec extends object> {
  /** The end of the id, after the database's name. */
  what: string;
  /** The declared part to work with where `olds` declared something else; without it the new one alone counts. */
  after?(olds: Partial<Spec>, news: Spec): Spec;
  steps(client: Client, spec: Spec): Promise<Step[]>;
  apply(client: Client, spec: Spec): Promise<unknown>;
}

/**
 * A resource whose difference is found in the catalog each time, not in the state: what was changed by hand shows in a preview with either
 * engine and without a refresh. Deleting it changes nothing in the database.
 */
export function plannedHandler<Spec extends object>(kind: PlannedKind<Spec>): Handler<Planned<Spec>> {
  type Inputs = Planned<Spec>;
  type Found = { plan: Step[] } | { reason: string };
  const ofCheck = new Recent<Inputs, Found>();
  const specOf = (olds: Partial<Spec> | undefined, inputs: Inputs): Spec =>
    olds === undefined ? inputs : (kind.after?.(olds, inputs) ?? inputs);
  const planOf = (olds: Partial<Spec> | undefined, inputs: Inputs): Promise<Found> =>
    planIfReachable(inputs.connection, (client) => kind.steps(client, specOf(olds, inputs)));
  const apply = async (olds: Partial<Spec> | undefined, inputs: Inputs): Promise<Inputs> => {
    await withClient(targetOf(inputs.connection), (client) => kind.apply(client, specOf(olds, inputs)));
    return inputs;
  };
  return withRemedy<Inputs, Inputs>({
    async check(olds, news) {
      const found = await planOf(olds, news);
      ofCheck.remember(news, found);
      const plan = 'plan' in found ? found.plan.map(({ action }) => action) : [notYet(found.reason)];
      return { inputs: { ...news, plan }, failures: [] };
    },

    async diff(_id, olds, news) {
      const found = ofCheck.take(news) ?? (await planOf(olds, news));
      return { changes: ('plan' in found && found.plan.length > 0) || !isDeepStrictEqual(olds, news) };
    },

    async create(inputs) {
      return { id: `${inputs.connection.database}/${kind.what}`, outs: await apply(undefined, inputs) };
    },

    async read(id, props) {
      try {
        await withSharedClient(targetOf(props.connection), () => Promise.resolve());
      } catch (error) {
        if (error instanceof PlatformError && error.code === 'database-missing') return { id: '' };
        throw error;
      }
      return { id, inputs: props, props };
    },

    async update(_id, olds, news) {
      return { outs: await apply(olds, news) };
    },

    delete: () => Promise.resolve(),
  });
}

export const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
export const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

/** `Expected WHAT.` where it is not. */
export function expected(property: string, fine: boolean, what: string): CheckFailure[] {
  return fine ? [] : [{ property, reason: `Expected ${what}.` }];
}
