import { describe, expect, it } from 'vitest';

import { parseSettings } from '../../../infra/config/parse';
import { readStackFile } from '../../../infra/config/stackFile';

/** mulberry32: a seeded generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const throwing = (): unknown =>
  Object.defineProperty({}, 'port', {
    enumerable: true,
    get: () => {
      throw new Error('a getter that throws');
    },
  });

const cyclic = (): unknown => {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
};

const deep = (): unknown => Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 0);

const HUGE: unknown = Object.assign([], { length: 10_000_000 });

const LEAVES: readonly (() => unknown)[] = [
  () => null,
  () => undefined,
  () => true,
  () => -1,
  () => 0.5,
  () => Number.NaN,
  () => Infinity,
  () => 1e308,
  () => '',
  () => ' ',
  () => 'auto',
  () => '5432',
  () => '[1,2',
  () => '{"__proto__":{"polluted":1}}',
  () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  () => 'x'.repeat(70_000),
  () => '\u0000\u001b[31m\n"\\',
  () => '\ud800',
  () => Symbol('symbol'),
  () => 10n,
  () => () => 'a function',
  () => new Date(0),
  () => new Map([['port', 1]]),
  () => Object.create(null) as unknown,
  throwing,
  cyclic,
  deep,
  () =>
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new TypeError('no keys');
        },
      },
    ),
  () => HUGE,
];

const KEYS = [
  'port',
  'name',
  'roles',
  'server',
  'database',
  'pool',
  'indexes',
  'columns',
  'parameters',
  'shared_buffers',
  'tables',
  'schedule',
  'secure',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'a.b',
  'x'.repeat(5000),
  '\u001b[0m',
];

function generate(next: () => number, depth: number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  if (depth === 0 || next() < 0.4) return pick(LEAVES)();
  const length = Math.floor(next() * 4);
  if (next() < 0.4) return Array.from({ length }, () => generate(next, depth - 1));
  return Object.fromEntries(Array.from({ length }, () => [pick(KEYS), generate(next, depth - 1)]));
}

/** Every path of the settings: what a mutation can hit. */
function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) =>
      pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: unknown, [key, ...rest]: (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function rawDefaults(): Record<string, unknown> {
  const { settings } = parseSettings({}, 'local');
  if (settings === undefined) throw new Error('the defaults are refused');
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key !== 'stack'));
}

function check(raw: unknown, stack = 'local'): ReturnType<typeof parseSettings> {
  const result = parseSettings(raw as Record<string, unknown>, stack);
  // One expect for each run: thousands of them would take seconds.
  const wrong = result.problems.filter(
    ({ code, message, remedy, object }) =>
      !/^[a-z-]+$/.test(code) ||
      remedy.length < 4 ||
      object?.startsWith('coach:') !== true ||
      // No value or key may flood a terminal or write control sequences to it.
      message.length > 1500 ||
      /\p{Cc}/u.test(`${message}${remedy}${object}`),
  );
  const consistent = (result.settings === undefined) === result.problems.length > 0;
  if (wrong.length > 0 || !consistent || 'polluted' in {}) expect({ wrong, consistent }).toEqual('no complaint');
  return result;
}

describe('parseSettings is total', () => {
  it('for whatever is handed over', () => {
    for (const leaf of LEAVES) check(leaf());
    check(rawDefaults(), '\u001b[31m'.repeat(50));
    const next = random(20_240_601);
    for (let run = 0; run < 1500; run += 1) check(generate(next, 5));
  });

  it('for settings in which any one value is replaced by any other, which is named when it is refused', () => {
    const defaults = rawDefaults();
    const next = random(7);
    for (const path of pathsOf(defaults).filter(({ length }) => length > 0)) {
      for (const leaf of LEAVES) {
        if (next() < 0.5) continue;
        const [top] = path;
        const { problems } = check(replaced(defaults, path, leaf()));
        for (const { object, code } of problems) {
          if (code === 'settings-unreadable' || code === 'setting-conflict' || top === 'environment') continue;
          expect(object?.startsWith(`coach:${top}`), `${path.join('.')}: ${object}`).toBe(true);
        }
      }
    }
  });

  it('and settings read back are the same settings', () => {
    for (const stack of ['local', 'dev', 'prod']) {
      const { settings } = parseSettings({ parameters: { work_mem: '8MB' }, extensions: ['pg_trgm'] }, stack);
      const raw = Object.fromEntries(Object.entries(settings ?? {}).filter(([key]) => key !== 'stack'));
      const own = stack === 'local' ? raw : withoutServerOfLocal(raw);
      expect(parseSettings(own, stack).settings).toEqual(settings);
    }
  });

  it('keeps hostile keys of free maps as plain keys', () => {
    const invokes = JSON.parse('{"constructor":{"x":1},"toString":2}') as unknown;
    const { settings } = check({ graph: { invokes } });
    expect(Object.keys(settings?.graph.invokes ?? {})).toEqual(['constructor', 'toString']);
    expect(check({ graph: { invokes: JSON.parse('{"__proto__":{"x":1}}') as unknown } }).problems).toHaveLength(1);
  });
});

function withoutServerOfLocal(raw: object): Record<string, unknown> {
  const { server, ...rest } = raw as { server?: { instanceClass?: string } };
  return server?.instanceClass === undefined ? rest : { ...rest, server: { instanceClass: server.instanceClass } };
}

describe('readStackFile is total', () => {
  it('for any text made of YAML’s own pieces', () => {
    const pieces = [
      'config:',
      '  coach:server:',
      '\n',
      '\n    port: ',
      '5432',
      ' - ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '<<: *a',
      '? ',
      ': ',
      '"',
      "'",
      '|',
      '>',
      '#',
      '---\n',
      '...\n',
      '\t',
      '!!binary ',
      '!!js/function ',
      '%YAML 9\n',
      '\0',
      '\ufeff',
      'é',
      '__proto__: ',
      '\r',
    ];
    const next = random(99);
    for (let run = 0; run < 1500; run += 1) {
      const text = Array.from(
        { length: Math.floor(next() * 14) },
        () => pieces[Math.floor(next() * pieces.length)],
      ).join('');
      const { raw, problems } = readStackFile(text, 'Pulumi.x.yaml');
      const empty = problems.filter(({ code, message, remedy }) =>
        [code, message, remedy].some((part) => part.length < 4),
      );
      if (empty.length > 0) expect(empty, text).toEqual([]);
      if (problems.length === 0) check(raw);
    }
    expect('polluted' in {}).toBe(false);
  });
});
