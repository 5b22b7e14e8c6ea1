/** The import rules of docs/architecture.md. Tests call the same file (tests/architecture.test.ts). */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    path: '^(infra|stacks|components|postgres|engine|system|policies|functions|scripts|app|tests|benchmarks)/',
    pathNot: to,
  },
});

module.exports = {
  forbidden: [
    only('system', '^system/', '^system/', 'Below everything: errors, files, processes.'),
    only(
      'postgres-alone',
      '^postgres/',
      '^(postgres|system)/',
      'The database library knows SQL, files and processes, nothing of ours.',
    ),
    only(
      'config',
      '^infra/config/',
      '^(infra/config|postgres|system)/',
      'Settings know only the types and planners of postgres.',
    ),
    only(
      'resources',
      '^infra/resources/[^/]+\\.ts$',
      '^(infra/resources/|postgres/spec)',
      'Resource types import no library but the types of the description: handlers do.',
    ),
    only(
      'handlers',
      '^infra/resources/handlers/',
      '^(infra/resources|postgres|system)/',
      'Handlers join resources and postgres.',
    ),
    only(
      'components',
      '^components/',
      '^(components|infra/resources|postgres|system)/',
      'Components declare; planners and types of postgres only.',
    ),
    only('stacks', '^stacks/', '^(stacks|components|infra/config|system)/', 'A stack chooses components and settings.'),
    only(
      'entry',
      '^infra/index\\.ts$',
      '^(infra/config/|stacks/|postgres/commands\\.ts$|system/)',
      'Settings in, stack chosen, outputs out.',
    ),
    only(
      'engine',
      '^engine/',
      '^(engine|postgres|system)/',
      'The engine never sees components or stacks: the program is run, not imported.',
    ),
    only(
      'policies',
      '^policies/',
      '^(policies|engine|postgres)/',
      'Rules over a graph; limits and parameters as postgres knows them.',
    ),
    only(
      'functions',
      '^functions/',
      '^(functions|postgres|infra/config|system)/',
      'Entry points of the Lambda and the scheduled task.',
    ),
    only(
      'scripts',
      '^scripts/',
      '^(scripts|postgres|engine|policies|infra/config|system)/',
      'The program is run, not imported.',
    ),
    only('app', '^app/', '^app/', 'The application knows nothing of the platform.'),
    {
      name: 'postgres-no-pulumi',
      comment: 'The database library never knows Pulumi.',
      severity: 'error',
      from: { path: '^postgres/' },
      to: { path: 'node_modules/@pulumi/' },
    },
    only(
      'audit-sql',
      '^postgres/audit/sql/',
      '^postgres/(audit/(sql/|[^/]+\\.ts$)|connection/|spec)',
      'What lies in the database knows neither how it is planned nor how it is read.',
    ),
    only(
      'audit-reading',
      '^postgres/audit/reading/',
      '^(system/|postgres/(audit/(sql/|reading/|[^/]+\\.ts$)|(?!audit/)))',
      'Reading the trail plans nothing.',
    ),
    {
      name: 'handlers-only',
      comment: 'Components reach a handler only through its resource type.',
      severity: 'error',
      from: { path: '^(components|stacks)/' },
      to: { path: '^infra/resources/handlers/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules|\\.coachdb|app/generated)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
