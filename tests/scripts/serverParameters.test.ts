import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { MAJORS, NEWEST_MAJOR, OLDEST_MAJOR, type ParameterSpec } from '../../postgres/tuning/parameter';
import data from '../../postgres/tuning/parameters.json';
import { fileText, merge, parametersOf } from '../../scripts/serverParameters';
import { ROOT } from '../support/compiled';

describe('parameters.json', () => {
  it('is what the script makes of the majors in it', () => {
    const text = readFileSync(join(ROOT, 'postgres/tuning/parameters.json'), 'utf8');
    expect(MAJORS.length).toBeGreaterThan(3);
    expect(fileText(new Map(MAJORS.map((major) => [major, parametersOf(major)])))).toBe(text);
  });

  it('says of each parameter what its type needs, in terms the code knows', () => {
    const types = ['bool', 'integer', 'real', 'enum', 'string', 'list'];
    const contexts = ['internal', 'postmaster', 'sighup', 'superuser', 'user', 'backend', 'superuser-backend'];
    const units = [undefined, 'B', 'kB', '8kB', 'MB', 'ms', 's', 'min'];
    for (const { name, type, context, unit, min, max, values } of data.parameters as ParameterSpec[]) {
      expect(types, name).toContain(type);
      expect(contexts, name).toContain(context);
      expect(units, name).toContain(unit);
      if (context === 'internal') continue;
      expect(values !== undefined, name).toBe(type === 'enum');
      if (type === 'integer') expect(min, name).toBeLessThanOrEqual(max ?? -Infinity);
    }
  });

  it.each(['README.md', 'docs/settings.md', 'Pulumi.local.yaml'])('holds the majors that %s speaks of', (file) => {
    const spans = readFileSync(join(ROOT, file), 'utf8').match(/\b1\d to \d\d\b/g) ?? [];
    expect([...new Set(spans)]).toEqual([`${OLDEST_MAJOR} to ${NEWEST_MAJOR}`]);
  });
});

it('a new major is rows that differ, and an end for those it has not', () => {
  const same: ParameterSpec = { name: 'a', type: 'bool', context: 'user' };
  const number = (max: number): ParameterSpec => ({ name: 'b', type: 'integer', context: 'user', min: 0, max });
  const gone: ParameterSpec = { name: 'c', type: 'string', context: 'user' };
  const back: ParameterSpec = { name: 'd', type: 'string', context: 'user' };
  const merged = merge(
    new Map([
      [19, [same, number(2), back]],
      [17, [same, number(1), gone, back]],
      [18, [same, number(1), gone]],
    ]),
  );
  expect(merged).toEqual([
    same,
    { ...number(1), until: 18 },
    { ...number(2), since: 19 },
    { ...gone, until: 18 },
    { ...back, until: 17 },
    { ...back, since: 19 },
  ]);
});
