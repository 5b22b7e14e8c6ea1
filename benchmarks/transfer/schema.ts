import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the declared indexes those that the application's migrations do not make. */
const DECLARED = [
  '"Student" (location)',
  '"Student" (language)',
  '"CompletedLesson" ("studentId")',
  '"Assessment" ("studentId")',
  '"User" (email)',
];

/** The application's tables as its migrations make them, split for those who load before they index. */
export interface TargetSchema {
  tables: string;
  keys: string[];
  references: string[];
}

export function targetSchema(root: string): TargetSchema {
  const folder = join(root, 'app', 'prisma', 'migrations');
  const sql = readdirSync(folder)
    .filter((name) => /^\d/.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name, 'migration.sql'), 'utf8'))
    .join('\n');
  const statements = sql
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
  const keys: string[] = [];
  const tables = statements
    .filter((statement) => statement.startsWith('CREATE TABLE'))
    .map((statement) =>
      statement.replace(/,\s*CONSTRAINT ("\w+") PRIMARY KEY \("id"\)/, (_, name: string) => {
        keys.push(`ALTER TABLE ${name.replace('_pkey', '')} ADD CONSTRAINT ${name} PRIMARY KEY ("id")`);
        return '';
      }),
    );
  const indexes = statements.filter((statement) => /^CREATE (UNIQUE )?INDEX/.test(statement));
  const declared = DECLARED.map((what, index) => `CREATE INDEX bench_${index} ON ${what}`);
  return {
    tables: `${tables.join(';\n')};`,
    keys: [...keys, ...indexes, ...declared],
    references: statements.filter((statement) => statement.startsWith('ALTER TABLE')),
  };
}
