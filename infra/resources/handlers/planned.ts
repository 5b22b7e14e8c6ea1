import { isDeepStrictEqual } from 'node:util';

import type { Client } from 'pg';

import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import { PlatformError } from '../../../postgres/errors';
import type { Step } from '../../../postgres/steps/step';
import type { CheckFailure, Handler } from '../handler';
import type { Planned } from '../plannedTypes';
import { Answers } from './answers';
import { connectionFailures, notYet, plainConnection, planIfReachable, targetOf } from './connection';
import { withRemedy } from './failure';

export interface PlannedKind<Spec extends object> {
  /** The end of the id, after the database's name. */
  what: string;
  /** What is wrong with the shape of the declared part. */
  failures(news: Partial<Spec>): CheckFailure[];
  /** The declared part alone, without what an engine or `check` added. */
  spec(inputs: Spec): Spec;
  /** The declared part to work with where `olds` declared something else; without it the new one alone counts. */
  after?(olds: Partial<Spec>, news: Spec): Spec;
  steps(client: Client, spec: Spec): Promise<Step[]>;
  apply(client: Client, spec: Spec): Promise<void>;
}

/**
 * A resource whose difference is found in the catalog each time, not in the state: what was changed by hand shows in a preview with either
 * engine and without a refresh. Deleting it changes nothing in the database.
 */
export function plannedHandler<Spec extends object>(kind: PlannedKind<Spec>): Handler<Planned<Spec>> {
  type Inputs = Planned<Spec>;
  const inputsOf = (from: Inputs): Inputs => ({ ...kind.spec(from), connection: plainConnection(from.connection) });
  type Found = { plan: Step[] } | { reason: string };
  const ofCheck = new Answers<Inputs, Found>();
  const specOf = (olds: Partial<Spec> | undefined, inputs: Inputs): Spec => {
    const spec = kind.spec(inputs);
    return olds === undefined ? spec : (kind.after?.(olds, spec) ?? spec);
  };
  const planOf = (olds: Partial<Spec> | undefined, inputs: Inputs): Promise<Found> =>
    planIfReachable(inputs.connection, (client) => kind.steps(client, specOf(olds, inputs)));
  const apply = async (olds: Partial<Spec> | undefined, inputs: Inputs): Promise<Inputs> => {
    await withClient(targetOf(inputs.connection), (client) => kind.apply(client, specOf(olds, inputs)));
    return inputsOf(inputs);
  };
  return withRemedy<Inputs, Inputs>({
    async check(olds, news) {
      const failures = [...kind.failures(news), ...connectionFailures(news.connection)];
      if (failures.length > 0) return { inputs: news, failures };
      const inputs = inputsOf(news);
      const found = await planOf(olds, inputs);
      ofCheck.remember(inputs, found);
      const plan = 'plan' in found ? found.plan.map(({ action }) => action) : [notYet(found.reason)];
      return { inputs: { ...inputs, plan }, failures };
    },

    async diff(_id, olds, news) {
      const found = ofCheck.take(inputsOf(news)) ?? (await planOf(olds, news));
      return {
        changes: ('plan' in found && found.plan.length > 0) || !isDeepStrictEqual(inputsOf(olds), inputsOf(news)),
      };
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
      const inputs = inputsOf(props);
      return { id, inputs, props: inputs };
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
