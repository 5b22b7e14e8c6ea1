import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { defaultParameters, defaultSettings } from '../../../infra/config/defaults';
import { settingPaths } from '../../../infra/config/parse';
import { autoTune } from '../../../postgres/tuning/autoTune';
import { DECIDED } from '../../../postgres/tuning/decided';

const text = readFileSync(join(__dirname, '../../../docs/settings.md'), 'utf8');

/** Rows of the tables: the names in the first cell, and the other cells. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .flatMap(([first = '', ...cells]) => [...first.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ name, cells })));

const rowOf = (name: string): { name: string; cells: string[] } | undefined => rows.find((row) => row.name === name);

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

describe('docs/settings.md', () => {
  it('describes every setting, with its type, its default and what a change does', () => {
    expect(settingPaths().length).toBeGreaterThan(80);
    for (const path of settingPaths()) {
      const row = rowOf(path);
      expect(row, path).toBeDefined();
      expect(row?.cells.length, path).toBe(3);
      expect(
        row?.cells.every((cell) => cell !== ''),
        path,
      ).toBe(true);
    }
  });

  it('describes no setting that does not exist', () => {
    const known = new Set([
      ...settingPaths(),
      ...Object.keys(autoTune({ memoryBytes: 2 ** 35, cpus: 16 }, defaultParameters()).parameters),
      ...autoTune({ memoryBytes: 2 ** 35, cpus: 16 }).applied.map(({ name }) => name),
    ]);
    expect(rows.filter(({ name }) => !known.has(name))).toEqual([]);
  });

  it('gives the default that is in the code, for each environment', () => {
    for (const environment of ['local', 'dev', 'prod'] as const) {
      const defaults = defaultSettings(environment, environment);
      for (const path of settingPaths().filter((one) => !one.includes('[') && one !== 'environment')) {
        const value = at(defaults, path);
        const cell = rowOf(path)?.cells[1] ?? '';
        if (value === undefined) expect(cell, path).toMatch(/unset|prod|dev/);
        else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
          expect(cell, `${path} in ${environment}`).toContain(`\`${value}\``);
      }
      for (const { name } of [...defaults.extensions, ...defaults.indexes]) expect(text).toContain(`\`${name}\``);
      for (const { table } of defaults.audit.tables) expect(rowOf('audit.tables')?.cells[1]).toContain(`\`${table}\``);
    }
  });

  it('gives the default of each parameter and every rule of tuning with its source', () => {
    for (const [name, value] of Object.entries(defaultParameters())) {
      expect(rowOf(name)?.cells[0], name).toContain(`\`${String(value)}\``);
    }
    for (const { name, rule, source } of autoTune({ memoryBytes: 2 ** 35, cpus: 16 }).applied) {
      expect(
        rows.some((row) => row.name === name && row.cells[0] === rule && row.cells[1] === source),
        name,
      ).toBe(true);
    }
    for (const name of Object.keys(DECIDED)) {
      expect(text, name).toContain(name.startsWith('unix_socket_') ? '`unix_socket_*`' : `\`${name}\``);
    }
  });
});
