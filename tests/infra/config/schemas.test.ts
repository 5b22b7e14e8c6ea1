import { describe, expect, it } from 'vitest';

import { databaseSpec } from '../../../infra/config/databaseSpec';
import { parseSettings } from '../../../infra/config/parse';
import type { DatabaseSpec } from '../../../postgres/spec';

function problemsOf(raw: Record<string, unknown>): string[] {
  return parseSettings(raw, 'local').problems.map(({ code, object }) => `${code} ${object}`);
}

function specOf(raw: Record<string, unknown>): DatabaseSpec {
  const { settings, problems } = parseSettings(raw, 'local');
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return databaseSpec(settings, { projectRoot: '/project' });
}

describe('coach:schemas', () => {
  it('reports everything that is wrong at once', () => {
    const raw = {
      audit: { schema: 'trail' },
      schemas: [
        { name: 'pg_mine' },
        { name: 'trail', owner: 'stranger' },
        { name: 'public', owner: 'coach_owner' },
        {
          name: 'reporting',
          grants: [
            { role: 'somebody', objectType: 'table', privileges: ['SELECT', 'USAGE'] },
            { role: 'inclusive', objectType: 'schema', objects: ['x'], privileges: ['SELECT; DROP'] },
          ],
        },
      ],
      extensions: [{ name: 'citext', schema: 'trail' }, 'earthdistance'],
    };
    expect(problemsOf(raw)).toEqual([
      'setting-conflict coach:schemas[0].name',
      'setting-conflict coach:schemas[1].name',
      'setting-conflict coach:schemas[1].owner',
      'setting-conflict coach:schemas[2].owner',
      'setting-conflict coach:schemas[3].grants[0].role',
      'setting-conflict coach:schemas[3].grants[0].privileges',
      'setting-conflict coach:schemas[3].grants[1].objects',
      'setting-conflict coach:schemas[3].grants[1].privileges',
      'setting-conflict coach:extensions[0].schema',
      'setting-conflict coach:extensions[1]',
    ]);
    const wrong = {
      schemas: [
        { owner: 'x' },
        { name: 'a', grants: [{ role: 'inclusive', objectType: 'view', privileges: [] }] },
        { name: 'a' },
      ],
    };
    expect(problemsOf(wrong)).toEqual([
      'setting-missing coach:schemas[0].name',
      'setting-invalid coach:schemas[1].grants[0].objectType',
      'setting-invalid coach:schemas[1].grants[0].privileges',
      'setting-duplicate coach:schemas[2]',
    ]);
  });

  it('become schemas, grants and default privileges; grants add up to what public has by itself', () => {
    const spec = specOf({
      schemas: [
        {
          name: 'reporting',
          owner: 'coach_readonly',
          grants: [
            { role: 'coach_readonly', objectType: 'schema', privileges: ['USAGE'] },
            { role: 'inclusive', objectType: 'schema', privileges: ['USAGE'] },
            { role: 'inclusive', objectType: 'table', privileges: ['SELECT'] },
            { role: 'inclusive', objectType: 'function', objects: ['grade'], privileges: ['EXECUTE'] },
          ],
        },
        { name: 'public', grants: [{ role: 'inclusive', objectType: 'table', privileges: ['SELECT', 'TRUNCATE'] }] },
      ],
    });
    expect(spec.schemas).toEqual([
      { name: 'public', owner: 'coach_owner' },
      { name: 'reporting', owner: 'coach_readonly' },
    ]);
    const tables = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'];
    const inPublic = { role: 'inclusive', objectType: 'table', schema: 'public', privileges: tables };
    expect(spec.grants).toContainEqual({ ...inPublic, objects: [] });
    expect(spec.defaultPrivileges).toContainEqual({ ...inPublic, owner: 'coach_owner' });
    expect(spec.grants.filter(({ schema }) => schema === 'reporting')).toEqual([
      { role: 'inclusive', objectType: 'schema', schema: 'reporting', objects: [], privileges: ['USAGE'] },
      { role: 'inclusive', objectType: 'table', schema: 'reporting', objects: [], privileges: ['SELECT'] },
      { role: 'inclusive', objectType: 'function', schema: 'reporting', objects: ['grade'], privileges: ['EXECUTE'] },
    ]);
    expect(spec.defaultPrivileges.filter(({ schema }) => schema === 'reporting')).toEqual([
      { owner: 'coach_readonly', role: 'inclusive', objectType: 'table', schema: 'reporting', privileges: ['SELECT'] },
    ]);
  });
});

describe('coach:extensions', () => {
  it('are declared after what they require, whatever the order they are named in', () => {
    const names = ['earthdistance', 'pg_trgm', 'postgis_tiger_geocoder', 'cube', 'fuzzystrmatch', 'postgis'];
    expect(specOf({ extensions: names }).extensions.map(({ name }) => name)).toEqual([
      'cube',
      'earthdistance',
      'pg_trgm',
      'postgis',
      'fuzzystrmatch',
      'postgis_tiger_geocoder',
    ]);
  });

  it('in a schema of their own bring the schema, and those who work with them may use it', () => {
    const spec = specOf({
      extensions: [
        { name: 'citext', schema: 'tools' },
        { name: 'plpgsql', schema: 'pg_catalog' },
        { name: 'pg_trgm', schema: 'public' },
      ],
    });
    expect(spec.schemas).toEqual([
      { name: 'public', owner: 'coach_owner' },
      { name: 'tools', owner: 'coach_owner' },
    ]);
    const users = spec.grants
      .filter(({ schema }) => schema === 'tools')
      .map(({ role, privileges }) => [role, privileges]);
    expect(users).toEqual(['inclusive', 'coach_readonly', 'coach_monitor'].map((role) => [role, ['USAGE']]));
    // What public has does not change by an extension in it.
    expect(spec.grants.filter(({ schema, role }) => schema === 'public' && role === 'coach_monitor')).toEqual([]);
  });
});
