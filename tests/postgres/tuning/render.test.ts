import { describe, expect, it } from 'vitest';

import { activationOf } from '../../../postgres/tuning/activation';
import { quoteConfValue, renderConf } from '../../../postgres/tuning/render';

describe('renderConf', () => {
  it('writes one quoted line for each parameter, sorted, whatever the order of the keys', () => {
    const text =
      "autovacuum = 'on'\nshared_buffers = '256MB'\nshared_preload_libraries = 'pg_stat_statements'\nTimeZone = 'UTC'\n";
    const parameters = {
      timezone: 'UTC',
      shared_buffers: '256MB',
      autovacuum: true,
      shared_preload_libraries: 'pg_stat_statements',
    };
    const reversed = Object.fromEntries(Object.entries(parameters).reverse());
    expect(renderConf(parameters).split('\n').sort()).toEqual(text.split('\n').sort());
    expect(renderConf(parameters)).toBe(renderConf(reversed));
  });

  it.each([
    ["x'\nfsync = off\n'", "'x''\\nfsync = off\\n'''"],
    ['back\\slash', "'back\\\\slash'"],
    ["\\'", "'\\\\'''"],
    ['tab\there\rand\x01\x7f', "'tab\\there\\rand\\001\\177'"],
    ['# no comment', "'# no comment'"],
    ['ñandú €', "'ñandú €'"],
  ])('quotes %j', (value, quoted) => {
    expect(quoteConfValue(value)).toBe(quoted);
    expect(renderConf({ log_line_prefix: value })).toBe(`log_line_prefix = ${quoted}\n`);
  });

  it.each([
    'include',
    'include_dir',
    'INCLUDE_IF_EXISTS',
    "a.b = 'x'\nfsync",
    'a.b.c',
    'é.x',
    '.x',
    "x'y.z",
    '__proto__',
    'not_known',
  ])('refuses the name %j', (name) => {
    expect(() => renderConf({ [name]: 'x' })).toThrow(
      expect.objectContaining({ code: 'parameter-unknown', kind: 'usage' }),
    );
  });

  it('refuses a value the server would refuse', () => {
    expect(() => renderConf({ work_mem: '4mb' })).toThrow(/work_mem is "4mb"/);
    expect(() => renderConf({ transaction_timeout: 1 }, { major: 15 })).toThrow(/PostgreSQL 17 and later/);
  });
});

describe('activationOf', () => {
  const contexts: Record<string, string> = { 'my_extension.size': 'postmaster', work_mem: 'user' };
  const lookup = (name: string): string | undefined => contexts[name];

  it.each([
    [[], 'none'],
    [['work_mem'], 'reload'],
    [['log_connections', 'autovacuum'], 'reload'],
    [['work_mem', 'shared_buffers'], 'restart'],
    [['my_extension.size'], 'restart'],
    [['other_extension.size'], 'reload'],
    [['pg_stat_statements.max'], 'restart'],
    [['never_heard_of'], 'restart'],
  ])('%j -> %s', (names, activation) => {
    expect(activationOf(names, lookup)).toBe(activation);
  });

  it('follows the major', () => {
    expect(activationOf(['autovacuum_max_workers'], undefined, 17)).toBe('restart');
    expect(activationOf(['autovacuum_max_workers'], undefined, 18)).toBe('reload');
  });
});
