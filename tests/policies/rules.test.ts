import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RULES } from '../../policies/index';
import { notApplicable } from '../../policies/notApplicable';
import type { PolicyGraph } from '../../policies/rule';
import { TAGGABLE } from '../../policies/rules/awsSchema';
import { texts } from '../../policies/values';
import { TestProject } from '../support/project';
import { broken } from './broken';
import { mutated, type Mutation } from './mutate';
import { database } from './mutations/database';
import { network } from './mutations/network';
import { rest } from './mutations/rest';
import { storage } from './mutations/storage';
import { work } from './mutations/work';
import { prodGraph } from './prodGraph';
import { providerType } from './providerTypes';

let project: TestProject;
let prod: PolicyGraph;
beforeAll(async () => {
  project = new TestProject();
  prod = await prodGraph(project);
});
afterAll(() => project.remove());

const MUTATIONS: Record<string, Mutation> = { ...database, ...storage, ...network, ...work, ...rest };

it('prod breaks no rule', () => {
  expect(broken(prod)).toEqual([]);
});

it('every value of prod that a rule could look at is known offline', () => {
  const unknown = prod.resources
    .filter(({ type }) => type.startsWith('aws:'))
    .flatMap(({ type, name, inputs }) =>
      texts(inputs)
        .filter(({ text }) => text.includes('[unknown]'))
        .map(({ path }) => `${type} ${name} ${path}`),
    );
  expect(unknown).toEqual([]);
});

it('every rule has something to look at in prod', () => {
  const idle = RULES.filter((rule) => rule.subjects(prod).length === 0).map(({ id }) => id);
  expect(idle).toEqual([]);
});

it('everything of prod that takes tags is in the list of what does', () => {
  const missed = [...new Set(prod.resources.map(({ type }) => type))]
    .filter((type) => type.startsWith('aws:') && providerType(type).takesTags)
    .filter((type) => !TAGGABLE.includes(type));
  expect(missed).toEqual([]);
});

it('what does not apply is not declared', () => {
  const types = new Set(prod.resources.map(({ type }) => type));
  expect(notApplicable.filter(({ without = [] }) => without.some((type) => types.has(type)))).toEqual([]);
});

describe('what breaks a rule breaks that one alone', () => {
  it('there is one for each rule', () => {
    expect(Object.keys(MUTATIONS).sort()).toEqual(RULES.map(({ id }) => id).sort());
  });

  it.each(Object.keys(MUTATIONS).sort())('%s', (id) => {
    const found = broken(mutated(prod, MUTATIONS[id] as Mutation));
    expect(found.length, 'nothing is broken').toBeGreaterThan(0);
    expect(found.filter((one) => one.id !== id)).toEqual([]);
  });
});
