import { describe, expect, it } from 'vitest';

import { compareGraphs } from '../../../engine/graph/compare';
import type { Graph, GraphResource } from '../../../engine/graph/graph';

function resource(name: string, inputs: Record<string, unknown>, protect = false): GraphResource {
  return {
    urn: `urn:pulumi:local::coach::t::${name}`,
    type: 't',
    name,
    custom: true,
    inputs,
    dependencies: [],
    protect,
  };
}

function graph(...resources: GraphResource[]): Graph {
  return { stack: 'local', resources, outputs: {}, notices: [] };
}

describe('graph comparison', () => {
  it('names created, deleted and changed resources with the path that changed', () => {
    const { changes, counts } = compareGraphs(
      graph(resource('kept', { a: { b: 1, c: 2 } }), resource('gone', {})),
      graph(resource('kept', { a: { b: 1, c: 3 }, d: true }), resource('new', {})),
    );
    expect(counts).toMatchObject({ create: 1, update: 1, delete: 1, same: 0 });
    expect(changes.find(({ name }) => name === 'kept')?.changed).toEqual([
      { path: 'a.c', kind: 'update', before: 2, after: 3 },
      { path: 'd', kind: 'add', after: true },
    ]);
  });

  it('shows a lost protection as a change of options', () => {
    const { changes } = compareGraphs(graph(resource('x', {}, true)), graph(resource('x', {}, false)));
    expect(changes[0]?.changed).toEqual([{ path: 'options.protect', kind: 'update', before: true, after: false }]);
  });
});
