import { describe, expect, it } from 'vitest';

import { parseSettings } from '../../../infra/config/parse';

/** A server of another machine's, with all that it takes. */
const REMOTE = { host: 'db.example.com', caFile: 'ca.pem', adminPassword: { secure: 'v1:abc' } };

const problemsOf = (raw: Record<string, unknown>, stack = 'local'): string[] =>
  parseSettings(raw, stack).problems.map(({ code, object }) => `${code} ${object}`);

describe('parseSettings', () => {
  it('takes every kind of setting', () => {
    const { settings, problems } = parseSettings(
      {
        environment: 'dev',
        tuning: 'auto',
        server: {},
        database: {
          name: 'coach-2',
          host: 'db.internal',
          port: '6000',
          adminUser: 'root_user',
          sslMode: 'verify-full',
          caFile: 'certificates/db.pem',
          adminPassword: { secure: 'v1:abc' },
        },
        parameters: {
          timezone: 'UTC',
          shared_preload_libraries: ['pg_stat_statements', 'odd, name'],
          autovacuum: false,
        },
        roles: { application: { name: 'app', connectionLimit: 30 }, owner: { name: 'boss' } },
        extensions: ['pg_trgm', { name: 'uuid-ossp', schema: 'ext', version: '1.1' }],
        indexes: [
          {
            name: 'by name',
            table: 'Student',
            columns: ['name', { name: 'lower("email")', expression: true, order: 'desc', nulls: 'last' }],
            method: 'btree',
            unique: 'true',
            include: ['id'],
            predicate: '"active"',
            storage: { fillfactor: 90, fastupdate: false },
          },
        ],
        audit: { tables: ['User', { table: 'Student', exclude: ['updatedAt'], redact: ['phone'], enabled: false }] },
        migrations: { apply: 'initial', lockTimeoutMs: 0 },
        app: { directory: '../coach' },
        pool: { min: 0, max: '30' },
        backup: { enabled: 'false' },
        graph: { invokes: { 'aws:index/getRegion:getRegion': { name: 'eu-west-1', list: [1, null] } } },
      },
      'staging',
    );
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      stack: 'staging',
      environment: 'dev',
      tuning: 'auto',
      database: {
        name: 'coach-2',
        host: 'db.internal',
        port: 6000,
        access: 'direct',
        adminUser: 'root_user',
        sslMode: 'verify-full',
        caFile: 'certificates/db.pem',
        adminPassword: true,
      },
      parameters: { TimeZone: 'UTC', shared_preload_libraries: 'pg_stat_statements, "odd, name"', autovacuum: false },
      extensions: [{ name: 'pg_trgm' }, { name: 'uuid-ossp', schema: 'ext', version: '1.1' }],
      audit: {
        tables: [
          { schema: 'public', table: 'User', exclude: [], redact: [], enabled: true },
          { schema: 'public', table: 'Student', exclude: ['updatedAt'], redact: ['phone'], enabled: false },
        ],
      },
      app: { directory: '../coach' },
      backup: { enabled: false, compress: true, retentionDays: 7 },
      graph: { invokes: { 'aws:index/getRegion:getRegion': { name: 'eu-west-1', list: [1, null] } } },
    });
    expect(settings?.indexes).toEqual([
      {
        name: 'by name',
        schema: 'public',
        table: 'Student',
        columns: [{ name: 'name' }, { name: 'lower("email")', expression: true, order: 'desc', nulls: 'last' }],
        method: 'btree',
        unique: true,
        include: ['id'],
        predicate: '"active"',
        storage: { fillfactor: 90, fastupdate: false },
      },
    ]);
    expect(settings?.roles).toMatchObject({
      owner: { name: 'boss' },
      application: { name: 'app', connectionLimit: 30 },
    });
    expect(settings?.pool).toMatchObject({ min: 0, max: 30, idleTimeoutMs: 30_000 });
  });

  it('reports every problem at once', () => {
    expect(
      problemsOf({
        sever: {},
        tuning: 'automatic',
        server: { port: 80, account: 'no such!', binaries: 'relative/path' },
        database: { name: 'postgres', acess: 'direct' },
        parameters: { shared_bufers: '1MB', work_mem: '4mb', wal_keep_segments: 32, nested: {} },
        roles: { application: { name: 'pg_app', connectionLimit: -2 } },
        extensions: ['pg_trgm', 'pg_trgm'],
        indexes: [{ name: 'a', columns: [] }],
        audit: { schema: 'public', tables: [{ table: 'User', redact: ['x'], exclude: ['x'] }] },
        pool: { min: 11 },
        backup: { retentionDays: 0, schedule: { daily: '0 25 * * *' } },
        monitoring: { grafana: { port: 9090 } },
        graph: { invokes: 1, invoke: {} },
      }).sort(),
    ).toEqual(
      [
        'setting-unknown coach:sever',
        'setting-invalid coach:tuning',
        'setting-invalid coach:server.port',
        'setting-invalid coach:server.account',
        'setting-invalid coach:server.binaries',
        'setting-invalid coach:database.name',
        'setting-unknown coach:database.acess',
        'setting-invalid coach:parameters.nested',
        'setting-invalid coach:roles.application.name',
        'setting-invalid coach:roles.application.connectionLimit',
        'setting-duplicate coach:extensions[1]',
        'setting-missing coach:indexes[0].table',
        'setting-invalid coach:indexes[0].columns',
        'setting-conflict coach:audit.schema',
        'setting-conflict coach:audit.tables[0]',
        'setting-conflict coach:pool.min',
        'setting-invalid coach:backup.retentionDays',
        'setting-unknown coach:backup.schedule.daily',
        'setting-not-yet coach:monitoring',
        'setting-invalid coach:graph.invokes',
        'setting-unknown coach:graph.invoke',
        'parameter-unknown coach:parameters.shared_bufers',
        'parameter-value coach:parameters.work_mem',
        'parameter-removed coach:parameters.wal_keep_segments',
      ].sort(),
    );
  });

  it('names the value, what was expected, the file and the nearest known key', () => {
    const { problems } = parseSettings({ server: { port: 80, prot: 1 }, databse: {} }, 'local');
    expect(problems).toEqual([
      {
        code: 'setting-unknown',
        object: 'coach:databse',
        message: 'coach:databse is not a setting.',
        remedy: expect.stringContaining('Did you mean coach:database?') as string,
      },
      {
        code: 'setting-unknown',
        object: 'coach:server.prot',
        message: 'coach:server.prot is not a setting.',
        remedy:
          'Did you mean coach:server.port? Accepted in coach:server: port, binaries, account, dataDirectory, instanceClass.',
      },
      {
        code: 'setting-invalid',
        object: 'coach:server.port',
        message: 'coach:server.port is 80; expected auto or a whole number of a port from 1024 to 65535.',
        remedy: expect.stringContaining('Pulumi.local.yaml') as string,
      },
    ]);
  });

  it('says what a setting would not do', () => {
    expect(parseSettings({ monitoring: {} }, 'dev').problems).toEqual([
      {
        code: 'setting-not-yet',
        object: 'coach:monitoring',
        message: 'coach:monitoring would do nothing: no stack declares monitoring yet.',
        remedy: 'Remove it from Pulumi.dev.yaml.',
      },
    ]);
  });

  it.each([
    ['local', { database: { host: 'x' } }, 'setting-elsewhere coach:database.host'],
    ['local', { database: { port: 5433 } }, 'setting-elsewhere coach:database.port'],
    ['local', { server: { instanceClass: 'db.t4g.micro' } }, 'setting-elsewhere coach:server.instanceClass'],
    ['dev', { server: { port: 5433 } }, 'setting-elsewhere coach:server.port'],
    ['prod', { server: { binaries: 'auto' } }, 'setting-elsewhere coach:server.binaries'],
    ['prod', { server: { account: 'postgres' } }, 'setting-elsewhere coach:server.account'],
    ['dev', { server: { dataDirectory: '/data' } }, 'setting-elsewhere coach:server.dataDirectory'],
    ['local', { database: { host: null } }, undefined],
    ['staging', {}, 'setting-missing coach:environment'],
    ['staging', { environment: 'test' }, 'setting-invalid coach:environment'],
    ['local', { pool: { max: 21 } }, 'setting-conflict coach:pool.max'],
    ['local', { pool: { max: 21 }, roles: { application: { connectionLimit: -1 } } }, undefined],
    ['local', { roles: { application: { name: 'coach_owner' } } }, 'setting-conflict coach:roles.application.name'],
    ['local', { roles: { owner: { name: 'postgres' } } }, 'setting-conflict coach:roles.owner.name'],
    [
      'local',
      { roles: { application: { connectionLimit: 98 } } },
      'setting-conflict coach:roles.application.connectionLimit',
    ],
    ['local', { roles: { application: { connectionLimit: 98 } }, parameters: { max_connections: 200 } }, undefined],
    ['local', { parameters: { port: 1 } }, 'parameter-decided coach:parameters.port'],
    ['local', { parameters: { Listen_Addresses: '*' } }, 'parameter-decided coach:parameters.Listen_Addresses'],
    ['local', { parameters: { shared_preload_libraries: '' } }, 'setting-conflict coach:extensions'],
    ['local', { extensions: ['pgaudit'] }, 'setting-conflict coach:extensions'],
    ['local', { parameters: { fsync: false } }, undefined],
    ['prod', { parameters: { fsync: false } }, 'parameter-not-on-rds coach:parameters.fsync'],
    [
      'prod',
      { parameters: { wal_level: 'minimal', max_wal_senders: 0 } },
      'parameter-not-on-rds coach:parameters.wal_level',
    ],
    ['prod', { parameters: { wal_level: 'logical' } }, undefined],
    [
      'prod',
      { server: { instanceClass: 'db.t4g.micro' }, parameters: { shared_buffers: '2GB' } },
      'parameter-exceeds-memory coach:parameters.shared_buffers',
    ],
    ['prod', { server: { instanceClass: 'db.q1.large' }, tuning: 'auto' }, 'setting-conflict coach:tuning'],
    ['prod', { server: { instanceClass: 'db.q1.large' } }, undefined],
    ['local', { pool: { secure: 'v1:abc' } }, 'setting-secret coach:pool'],
    ['local', { parameters: { work_mem: { secure: 'v1:abc' } } }, 'setting-secret coach:parameters.work_mem'],
    ['local', { server: 'not json' }, 'setting-invalid coach:server'],
    ['local', { server: '[1]' }, 'setting-invalid coach:server'],
    ['local', { server: '{"port":5500}' }, undefined],
    ['local', { server: { port: 5432.5 } }, 'setting-invalid coach:server.port'],
    ['local', { server: { port: Number.NaN } }, 'setting-invalid coach:server.port'],
    ['local', { app: { directory: 'a\nb' } }, 'setting-invalid coach:app.directory'],
    [
      'local',
      { indexes: [{ name: 'ñ'.repeat(40), table: 't', columns: ['c'] }] },
      'setting-invalid coach:indexes[0].name',
    ],
    ['local', { backup: null, server: { account: null } }, undefined],
    ['local', { monitoring: null }, 'setting-not-yet coach:monitoring'],
    ['local', { monitoring: '{"grafana":{"port":3002}}' }, 'setting-not-yet coach:monitoring'],
    ['local', { backup: { logRetentionDays: 0 } }, 'setting-invalid coach:backup.logRetentionDays'],
    ['local', { backup: { schedule: { backup: '0 25 * * *' } } }, 'setting-invalid coach:backup.schedule.backup'],
    ['local', { backup: { schedule: { upload: '0 3 * *' } } }, 'setting-invalid coach:backup.schedule.upload'],
    ['local', { backup: { schedule: { health: '@daily' } } }, 'setting-invalid coach:backup.schedule.health'],
    ['local', { backup: { schedule: { health: '0 3 * * 0 %x' } } }, 'setting-invalid coach:backup.schedule.health'],
    ['local', { backup: { schedule: { health: '5/2 * * * *' } } }, 'setting-invalid coach:backup.schedule.health'],
    ['local', { backup: { schedule: { health: '9-5 * * * *' } } }, 'setting-invalid coach:backup.schedule.health'],
    ['local', { backup: { schedule: { timeZone: 'Mars/Olympus' } } }, 'setting-invalid coach:backup.schedule.timeZone'],
    [
      'local',
      {
        backup: {
          schedule: { backup: '0,30 1-5/2 */2 *  7', upload: false, cleanLogs: 'off', timeZone: 'Europe/Madrid' },
        },
      },
      undefined,
    ],
    ['local', { backup: { weekly: 0, monthly: '0', minimum: 1, minimumFree: '20 GB' } }, undefined],
    ['prod', { backup: { bucket: { lockDays: 7, lockMode: 'COMPLIANCE' } } }, undefined],
    ['prod', { backup: { bucket: { lockDays: 8 } } }, 'setting-conflict coach:backup.bucket.lockDays'],
    ['prod', { backup: { retentionDays: 8, bucket: { lockDays: 8 } } }, undefined],
    [
      'prod',
      { backup: { s3: { bucket: 'b'.repeat(58), kmsKeyId: 'arn:aws:kms:eu-west-1:111111111111:key/1' } } },
      undefined,
    ],
    ['prod', { backup: { s3: { bucket: 'b'.repeat(59) } } }, 'setting-conflict coach:backup.s3.bucket'],
    ['prod', { backup: { s3: { bucket: 'abc', kmsKeyId: 'alias/x' } } }, 'setting-conflict coach:backup.s3.kmsKeyId'],
    [
      'prod',
      { backup: { s3: { bucket: 'abc', kmsKeyId: 'alias/x', endpoint: 'https://s3.example.com' } } },
      'setting-conflict coach:backup.s3.endpoint',
    ],
    ['dev', { backup: { s3: { bucket: 'abc', kmsKeyId: 'alias/x' } } }, undefined],
    ['dev', { backup: { bucket: { lockDays: 1 } } }, 'setting-elsewhere coach:backup.bucket.lockDays'],
    ['local', { backup: { minimum: 0 } }, 'setting-invalid coach:backup.minimum'],
    ['local', { backup: { minimumFree: 5 } }, 'setting-invalid coach:backup.minimumFree'],
    ['local', { backup: { minimumFree: '120%' } }, 'setting-invalid coach:backup.minimumFree'],
    ['local', { secure: 'v1:abc' }, 'setting-unknown coach:secure'],
    ['local', { constructor: {} }, 'setting-unknown coach:constructor'],
    ['local', { extensions: [''] }, 'setting-invalid coach:extensions[0].name'],
    ['local', { extensions: [1] }, 'setting-invalid coach:extensions[0]'],
    ['local', { extensions: [{ name: 'citext', nmae: 'x' }] }, 'setting-unknown coach:extensions[0].nmae'],
    ['local', { audit: { tables: ['User', { table: 'User' }] } }, 'setting-duplicate coach:audit.tables[1]'],
    ['local', { audit: { loaders: ['pg_monitor'] } }, 'setting-invalid coach:audit.loaders[0]'],
    ['dev', { database: { ...REMOTE, sslMode: 'disable', caFile: null } }, 'tls-required coach:database.sslMode'],
    ['dev', { database: { ...REMOTE, caFile: null } }, 'setting-missing coach:database.caFile'],
    ['dev', { database: { ...REMOTE, adminPassword: null } }, 'setting-missing coach:database.adminPassword'],
    ['dev', { database: { ...REMOTE, sslMode: 'require' } }, 'setting-invalid coach:database.sslMode'],
    ['dev', { database: { ...REMOTE, sslMode: 'prefer' } }, 'setting-invalid coach:database.sslMode'],
    [
      'dev',
      { database: { ...REMOTE, host: '0.0.0.0', sslMode: 'disable', caFile: null } },
      'tls-required coach:database.sslMode',
    ],
    ['dev', { database: REMOTE }, undefined],
    ['dev', { database: { ...REMOTE, sslMode: 'verify-full' } }, undefined],
    ['dev', { database: { host: '127.0.0.2' } }, undefined],
    ['dev', { database: { host: 'localhost', sslMode: 'disable' } }, undefined],
    ['dev', { database: { sslMode: 'verify-full' } }, 'setting-missing coach:database.caFile'],
    ['dev', { database: { caFile: 'ca.pem' } }, 'setting-conflict coach:database.caFile'],
    ['dev', { database: { adminPassword: { secure: '' } } }, 'setting-invalid coach:database.adminPassword'],
    ['local', { database: { sslMode: 'disable' } }, 'setting-elsewhere coach:database.sslMode'],
    ['local', { database: { access: 'function' } }, 'setting-conflict coach:database.access'],
    ['dev', { database: { access: 'function' } }, 'setting-conflict coach:database.access'],
    ['prod', { database: { access: 'function' } }, undefined],
    ['prod', { database: { caFile: 'ca.pem' } }, 'setting-elsewhere coach:database.caFile'],
    ['local', { database: { adminPassword: { secure: 'v1:abc' } } }, 'setting-elsewhere coach:database.adminPassword'],
    ['dev', { database: { secure: 'v1:abc' } }, 'setting-secret coach:database'],
  ])('%s %j -> %s', (stack, raw, expected) => {
    expect(problemsOf(raw, stack)).toEqual(expected === undefined ? [] : [expected]);
  });

  it('checks parameters against the machine and the major the caller knows', () => {
    const raw = { parameters: { shared_buffers: '4GB', transaction_timeout: '1min' } };
    expect(problemsOf(raw)).toEqual([]);
    const { problems } = parseSettings(raw, 'local', { machine: { memoryBytes: 2 * 1024 ** 3, cpus: 2 }, major: 15 });
    expect(problems.map(({ code }) => code).sort()).toEqual(['parameter-exceeds-memory', 'parameter-not-in-major']);
  });
});

describe('the administrator’s password', () => {
  it.each([
    ['dev', { adminPassword: 'hunter2' }],
    ['dev', { adminPassword: ['hunter2'] }],
    ['dev', { adminPassword: { secure: 'v1:abc', plain: 'hunter2' } }],
    ['local', { adminPassword: 'hunter2' }],
    ['dev', [{ adminPassword: 'hunter2' }]],
    ['dev', '{"adminPassword":"hunter2"'],
    ['dev', '{"adminPassword":"hunter2"}'],
    ['dev', { host: { adminPassword: 'hunter2' } }],
    ['dev', { adminPasword: 'hunter2' }],
  ])('in plain text is refused and not repeated: %s %j', (stack, database) => {
    const { problems, settings } = parseSettings({ database }, stack);
    expect(settings).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('is refused with the command that sets it as a secret', () => {
    const { problems } = parseSettings({ database: { adminPassword: 'hunter2' } }, 'dev');
    expect(problems).toEqual([
      {
        code: 'setting-plain',
        object: 'coach:database.adminPassword',
        message: 'coach:database.adminPassword stands in plain text in Pulumi.dev.yaml; expected an encrypted value.',
        remedy: expect.stringContaining(
          "`npm run pulumi -- config set --secret --path 'coach:database.adminPassword'`",
        ) as string,
      },
    ]);
  });
});
