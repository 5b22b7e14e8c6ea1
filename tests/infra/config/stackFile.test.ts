import { describe, expect, it } from 'vitest';

import { readStackFile } from '../../../infra/config/stackFile';

const read = (text: string): ReturnType<typeof readStackFile> => readStackFile(text, 'Pulumi.dev.yaml');

describe('readStackFile', () => {
  it('gives the project’s settings without the prefix, and the providers’ under their full keys', () => {
    const text =
      'encryptionsalt: v1:x\nconfig:\n  coach:server:\n    port: 5500\n  coach:tuning: auto\n  aws:region: eu-west-1\n';
    expect(read(text)).toEqual({
      raw: { server: { port: 5500 }, tuning: 'auto' },
      others: { 'aws:region': 'eu-west-1' },
      problems: [],
    });
  });

  it.each(['', '\n', '# nothing\n', 'config:\n', 'config: {}\n'])('takes %j as no settings', (text) => {
    expect(read(text)).toEqual({ raw: {}, others: {}, problems: [] });
  });

  it.each([
    ['config:\n  coach:a: [1\n', 'stack-file-yaml', /Pulumi\.dev\.yaml, line 3, column 1/],
    ['config:\n  coach:a: 1\n  coach:a: 2\n', 'stack-file-yaml', /line 3, column 3: .*unique/],
    ['config:\n\tcoach:a: 1\n', 'stack-file-yaml', /line 2, column 1/],
    ['a: 1\n---\nb: 2\n', 'stack-file-yaml', /line 2/],
    ['config: *missing\n', 'stack-file-yaml', /missing/],
    ['config: !!set {a}\n', 'stack-file-shape', /not a mapping/],
    ['- a\n', 'stack-file-shape', /holds no mapping/],
    ['text\n', 'stack-file-shape', /holds no mapping/],
    ['config: [1]\n', 'stack-file-shape', /not a mapping/],
    ['confg:\n  coach:a: 1\n', 'stack-file-key', /unknown top-level key "confg"/],
    ['coach:server: {}\n', 'stack-file-key', /unknown top-level key "coach:server"/],
    ['config:\n  server: {}\n', 'stack-file-key', /"server" without a namespace/],
  ])('refuses %j', (text, code, message) => {
    const { problems } = read(text);
    expect(problems.map((problem) => problem.code)).toContain(code);
    expect(
      problems.some((problem) => message.test(problem.message)),
      JSON.stringify(problems),
    ).toBe(true);
    expect(problems.every(({ remedy, object }) => remedy !== '' && object === 'Pulumi.dev.yaml')).toBe(true);
  });

  it('reports several problems of one file together', () => {
    const { problems } = read('foo: 1\nconfig:\n  server: {}\n  tuning: auto\n');
    expect(problems.map(({ code }) => code)).toEqual(['stack-file-key', 'stack-file-key', 'stack-file-key']);
  });

  it('survives aliases that multiply', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `  a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`);
    const { problems } = read(`config:\n  a0: &a0 [x]\n${levels.join('\n')}\n`);
    expect(problems).toEqual([expect.objectContaining({ code: 'stack-file-yaml' })]);
  });

  it('keeps a hostile key from reaching a prototype', () => {
    const { raw, others } = read('config:\n  coach:__proto__:\n    polluted: 1\n  x:__proto__: 2\n');
    expect(Object.hasOwn(raw, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(raw)).toBe(Object.prototype);
    expect(Object.keys(others)).toEqual(['x:__proto__']);
  });
});
