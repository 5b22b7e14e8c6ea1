import { describe, expect, it } from 'vitest';

import { cidrText, overlap, parseCidr, quarters } from '../../../infra/config/cidr';

const network = (text: string) => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};

describe('networks', () => {
  it.each(['10.64.0.0/16', '0.0.0.0/0', '255.255.255.255/32', '192.168.128.0/17'])(
    '%s reads back as itself',
    (text) => {
      expect(cidrText(network(text))).toBe(text);
    },
  );

  it.each(['10.64.0.1/16', '256.0.0.0/8', '10.0.0.0/33', '10.0.0/8', '10.0.0.0', ''])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('fall into quarters that meet nowhere and leave nothing out', () => {
    expect(quarters(network('10.64.0.0/16')).map(cidrText)).toEqual([
      '10.64.0.0/18',
      '10.64.64.0/18',
      '10.64.128.0/18',
      '10.64.192.0/18',
    ]);
    const parts = quarters(network('172.31.255.0/24'));
    for (const one of parts) expect(parts.filter((other) => overlap(one, other))).toEqual([one]);
  });

  it.each([
    ['10.0.0.0/8', '10.64.0.0/16', true],
    ['10.64.0.0/16', '10.0.0.0/8', true],
    ['10.64.0.0/17', '10.64.128.0/17', false],
    ['0.0.0.0/0', '255.255.255.255/32', true],
  ])('%s and %s: overlap %s', (a, b, expected) => {
    expect(overlap(network(a), network(b))).toBe(expected);
  });
});
