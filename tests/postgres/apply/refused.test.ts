import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { applySpec } from '../../../postgres/apply/applySpec';
import type { DatabaseSpec } from '../../../postgres/spec';
import { type RdsServer, startRds } from '../../support/rdsMaster';
import { failureOf } from '../roles/support';
import { applyTo, changed, loginsOf, query, specOf } from './support';

describe('applySpec', () => {
  let server: RdsServer;
  beforeAll(async () => {
    server = await startRds(inject('cluster').binaries);
  });
  afterAll(() => server.stop());

  const asOther = async (attributes: string, spec: DatabaseSpec): Promise<unknown> => {
    await query(server, 'postgres', `DROP ROLE IF EXISTS other; CREATE ROLE other LOGIN ${attributes} PASSWORD 'x'`);
    const connect = loginsOf(server, spec);
    return failureOf(applySpec((login) => ({ ...connect(login), user: 'other', password: 'x' }), spec));
  };

  it('names what its account lacks before anything is done', async () => {
    const spec = { ...specOf(), name: 'nowhere' };
    expect(await asOther('CREATEROLE', spec)).toMatchObject({
      code: 'master-powerless',
      message: 'Role other, which applies the declaration, lacks CREATEDB.',
    });
    expect(await asOther('', spec)).toMatchObject({
      message: 'Role other, which applies the declaration, lacks CREATEROLE and CREATEDB.',
    });
    await query(server, 'postgres', 'CREATE DATABASE of_somebody');
    expect(await asOther('CREATEROLE CREATEDB', { ...specOf(), name: 'of_somebody' })).toMatchObject({
      code: 'master-powerless',
      message: 'Database of_somebody belongs to postgres; role other, which applies the declaration, has to own it.',
      object: 'of_somebody',
    });
    expect(await query(server, 'postgres', `SELECT FROM pg_roles WHERE rolname = 'coach_owner'`)).toEqual([]);
  });

  it('names the role that somebody else made, from 16 on, and takes it over before', async () => {
    const spec = { ...specOf(), name: 'taken' };
    await query(server, 'postgres', 'CREATE ROLE coach_owner LOGIN');
    if (server.major < 16) {
      expect(changed(await applyTo(server, spec))).toContain('role coach_owner');
      return;
    }
    const failure = await failureOf(applyTo(server, spec));
    expect([failure.code, failure.object]).toEqual(['master-powerless', 'coach_owner']);
    expect(failure.message).toContain('At role coach_owner: Declaring role coach_owner failed (42501)');
    expect(failure.remedy).toContain('ADMIN OPTION');
    await query(server, 'postgres', `GRANT coach_owner TO ${server.master} WITH ADMIN OPTION`);
    expect(changed(await applyTo(server, spec))).toContain('role coach_owner');
  });

  it('refuses tables that no migration made, as `up` does, and goes on from those that one did', async () => {
    const spec = { ...specOf(), name: 'with_tables' };
    await query(server, 'postgres', `CREATE DATABASE with_tables OWNER ${server.master} TEMPLATE template0`);
    await query(server, spec.name, 'CREATE TABLE public."User" (id text PRIMARY KEY)');
    expect(await failureOf(applyTo(server, spec))).toMatchObject({ code: 'schema-not-empty', kind: 'refused' });
    await query(server, spec.name, 'DROP TABLE public."User"');
    await applyTo(server, spec);
    // The trail is gone, as after a restore of the application's tables alone.
    await query(
      server,
      spec.name,
      'DROP EVENT TRIGGER audit_guard_ddl; DROP EVENT TRIGGER audit_guard_drop; DROP EVENT TRIGGER audit_guard_table; DROP SCHEMA audit CASCADE',
    );
    expect(changed(await applyTo(server, spec))).toEqual(['audit trail']);
  });

  it('takes the locale of a database that came with the instance, and says so', async () => {
    const spec = { ...specOf(), name: 'of_the_instance', indexes: [] };
    await query(
      server,
      'postgres',
      `CREATE DATABASE of_the_instance OWNER ${server.master} TEMPLATE template0 LOCALE 'C'`,
    );
    const { warnings } = await applyTo(server, spec);
    expect(warnings.map(({ code, object }) => [code, object])).toEqual([['database-locale', 'of_the_instance']]);
  });

  it('works with names that are anything but plain', async () => {
    const odd = (name: string): string => `${name} "q"'; DROP ROLE x; -- é $1`;
    const named = /^(coach_\w+|inclusive|inclusive_ai|audit|audit_log)$/;
    const spec = JSON.parse(JSON.stringify(specOf()), (_, value: unknown) =>
      typeof value === 'string' && named.test(value) ? odd(value) : value,
    ) as DatabaseSpec;
    const report = await applyTo(server, spec);
    expect(report.warnings).toEqual([]);
    expect(changed(await applyTo(server, spec))).toEqual([]);
    const roles = await query<{ name: string }>(
      server,
      'postgres',
      `SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '%; DROP ROLE%'`,
    );
    expect(roles.map(({ name }) => name).sort()).toEqual(spec.roles.map(({ name }) => name).sort());
  });
});
