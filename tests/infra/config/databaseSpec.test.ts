import { describe, expect, it } from 'vitest';

import { applicationDirectory, databaseSpec } from '../../../infra/config/databaseSpec';
import { parseSettings } from '../../../infra/config/parse';
import type { Settings } from '../../../infra/config/settings';

function settingsOf(stack: string, raw: Record<string, unknown> = {}): Settings {
  const { settings, problems } = parseSettings(raw, stack);
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return settings;
}

const context = { projectRoot: '/project' };

describe('databaseSpec', () => {
  const spec = databaseSpec(settingsOf('local'), context);

  it('is plain data that depends on nothing but the settings', () => {
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    expect(databaseSpec(settingsOf('local'), context)).toEqual(spec);
  });

  it('has one role for each purpose; none of them is powerful, and only those that are used log in', () => {
    expect(spec.roles.map(({ purpose, name, login }) => [purpose, name, login])).toEqual([
      ['owner', 'coach_owner', false],
      ['migrator', 'coach_migrator', true],
      ['loader', 'coach_loader', true],
      ['application', 'inclusive', true],
      ['readOnly', 'coach_readonly', true],
      ['monitor', 'coach_monitor', true],
      ['auditor', 'coach_auditor', true],
      ['backup', 'coach_backup', true],
      ['auditOwner', 'coach_audit_owner', false],
    ]);
    for (const role of spec.roles) {
      const { superuser, createDatabase, createRole, replication, bypassRowLevelSecurity } = role;
      expect([superuser, createDatabase, createRole, replication, bypassRowLevelSecurity], role.name).not.toContain(
        true,
      );
    }
    const memberships = spec.roles.filter(({ memberOf }) => memberOf.length > 0);
    expect(memberships.map(({ name, memberOf, assumeRole }) => [name, memberOf, assumeRole])).toEqual([
      ['coach_migrator', ['coach_owner'], 'coach_owner'],
      ['coach_loader', ['coach_owner'], undefined],
      ['coach_monitor', ['pg_monitor'], undefined],
      ['coach_backup', ['pg_read_all_data'], undefined],
    ]);
    expect(spec.roles.find(({ purpose }) => purpose === 'application')?.connectionLimit).toBe(20);
  });

  it('grants on objects what default privileges grant on later ones', () => {
    const onObjects = spec.grants.filter(({ objectType }) => objectType === 'table' || objectType === 'sequence');
    expect(
      spec.defaultPrivileges.map(({ role, objectType, schema, privileges }) => ({
        role,
        objectType,
        schema,
        objects: [],
        privileges,
      })),
    ).toEqual(onObjects);
    expect(new Set(spec.defaultPrivileges.map(({ owner }) => owner))).toEqual(new Set(['coach_owner']));
  });

  it('hands the trail to its owner and its reader, and leaves disabled tables out', () => {
    const { audit } = databaseSpec(
      settingsOf('local', {
        audit: { tables: [{ table: 'User', redact: ['email'] }, { table: 'Student', enabled: false }, 'Assessment'] },
      }),
      context,
    );
    expect(audit).toMatchObject({
      owner: 'coach_audit_owner',
      readers: ['coach_auditor'],
      loaders: ['coach_loader'],
      dumpers: ['coach_backup'],
      schema: 'audit',
      table: 'audit_log',
    });
    expect(audit.tables).toEqual([
      { schema: 'public', table: 'User', redact: ['email'] },
      { schema: 'public', table: 'Assessment' },
    ]);
  });

  it('lets the loader suspend the trail, and whom the settings name beside it', () => {
    const loadersOf = (loaders: string[]): string[] | undefined =>
      databaseSpec(settingsOf('local', { audit: { loaders } }), context).audit.loaders;
    expect(loadersOf(['etl'])).toEqual(['coach_loader', 'etl']);
    expect(loadersOf(['coach_loader'])).toEqual(['coach_loader']);
  });

  it('takes migrations from the application’s checkout, or from this project', () => {
    expect(spec.migrations).toEqual({
      directory: '/project/app/prisma/migrations',
      apply: 'always',
      login: 'coach_migrator',
      role: 'coach_owner',
      schema: 'public',
      lockTimeoutMs: 5000,
      statementTimeoutMs: 600_000,
    });
    const directoryOf = (directory: string): string =>
      databaseSpec(settingsOf('local', { app: { directory } }), context).migrations.directory;
    expect(directoryOf('../coach')).toBe('/coach/prisma/migrations');
    expect(directoryOf('/srv/coach')).toBe('/srv/coach/prisma/migrations');
    expect(() => applicationDirectory(settingsOf('local'), 'relative')).toThrow(
      expect.objectContaining({ code: 'project-root' }),
    );
  });

  it('follows renamed roles everywhere', () => {
    const renamed = databaseSpec(
      settingsOf('local', {
        roles: { owner: { name: 'boss' }, application: { name: 'app' }, auditor: { name: 'eye' } },
      }),
      context,
    );
    expect(JSON.stringify(renamed)).not.toMatch(/coach_owner|"inclusive"|coach_auditor/);
    expect(renamed.owner).toBe('boss');
  });

  it('keeps prod behind the function and its first migration', () => {
    const prod = databaseSpec(settingsOf('prod'), context);
    expect([prod.access, prod.migrations.apply]).toEqual(['function', 'initial']);
    expect(prod.parameters.shared_buffers).toBe('256MB');
  });
});
