import type { Problem } from '../../../system/errors';
import type { AuditedTable, AuditSpec } from '../../spec';
import type { AuditActual, TableFacts } from '../catalog';
import { TRAIL_COLUMNS } from '../columns';
import { tableLabel, TRIGGERS } from '../names';

/** What stands in the way of a trail as declared; all of it at once. */
export function auditProblems(spec: AuditSpec, actual: AuditActual): Problem[] {
  return [
    ...nameProblems(spec),
    ...roleProblems(spec, actual),
    ...trailProblems(spec, actual),
    ...spec.tables.flatMap((table, index) =>
      spec.tables.findIndex((other) => tableLabel(other) === tableLabel(table)) < index
        ? [
            problem(
              'audit-table-twice',
              tableLabel(table),
              'is listed twice.',
              'Leave one entry of it in coach:audit.tables.',
            ),
          ]
        : tableProblems(spec, actual, table),
    ),
  ];
}

function problem(code: string, object: string, message: string, remedy: string): Problem {
  return { code, message: `Audit of ${object}: it ${message}`, remedy, object };
}

/** `_2026_08` and `_key` are added to the trail's name. */
const LONGEST_TRAIL = 63 - '_2026_08_key'.length;

function nameProblems(spec: AuditSpec): Problem[] {
  const problems: Problem[] = [];
  const check = (what: string, name: string, longest: number): void => {
    const bytes = Buffer.byteLength(name);
    if (bytes > 0 && bytes <= longest && !name.includes('\0')) return;
    problems.push({
      code: 'audit-name',
      message: `The trail’s ${what} ${JSON.stringify(name)} has ${bytes} bytes; expected 1 to ${longest}.`,
      remedy: `Choose another ${what} in coach:audit.`,
      object: name,
    });
  };
  check('schema', spec.schema, 51);
  check('table', spec.table, LONGEST_TRAIL);
  check('owner', spec.owner, 63);
  for (const [key, value] of Object.entries({ retentionMonths: spec.retentionMonths, monthsAhead: spec.monthsAhead })) {
    if (Number.isInteger(value) && value >= 0 && value <= 1200) continue;
    problems.push({
      code: 'audit-number',
      message: `audit.${key} is ${value}; expected a whole number of months from 0 to 1200.`,
      remedy: `Set coach:audit.${key} to such a number.`,
      object: key,
    });
  }
  return problems;
}

function roleProblems(spec: AuditSpec, { roles }: AuditActual): Problem[] {
  const present = new Set(roles.map(({ name }) => name));
  return [...new Set([...spec.readers, ...(spec.loaders ?? [])])]
    .filter((name) => !present.has(name))
    .map((name) => ({
      code: 'audit-role-missing',
      message: `Role ${name}, which the trail is granted to, does not exist.`,
      remedy: 'Run `npm run up`, which creates the declared roles before the trail.',
      object: name,
    }));
}

function trailProblems(spec: AuditSpec, { relations }: AuditActual): Problem[] {
  const table = relations.find(({ name }) => name === spec.table);
  if (table === undefined) return [];
  const label = `${spec.schema}.${spec.table}`;
  const foreign = (what: string): Problem => ({
    code: 'audit-trail-foreign',
    message: `${label} exists and is not a trail of this project: ${what}.`,
    remedy: `Rename it (ALTER TABLE ... RENAME TO ...), or choose another coach:audit.table; its rows stay as they are.`,
    object: label,
  });
  if (table.kind !== 'p') return [foreign('it is not partitioned')];
  return TRAIL_COLUMNS.flatMap((column) => {
    const found = table.columns.find(({ name }) => name === column.name);
    return found === undefined || found.type === column.type
      ? []
      : [foreign(`column ${column.name} is ${found.type}, expected ${column.type}`)];
  });
}

function tableProblems(spec: AuditSpec, actual: AuditActual, declared: AuditedTable): Problem[] {
  const label = tableLabel(declared);
  if (declared.schema === spec.schema)
    return [problem('audit-of-trail', label, 'belongs to the trail itself.', 'Remove it from coach:audit.tables.')];
  const facts = actual.tables.find(({ schema, table }) => schema === declared.schema && table === declared.table);
  if (facts === undefined)
    return [
      problem(
        'audit-table-missing',
        label,
        'does not exist.',
        'Apply the migration that creates it, or remove it from coach:audit.tables.',
      ),
    ];
  return [
    ...kindProblems(label, facts),
    ...keyProblems(label, facts, declared),
    ...hiddenProblems(label, facts, declared),
    ...orderProblems(label, facts),
    ...conversionProblems(label, facts),
    ...familyProblems(spec, actual, label, facts),
  ];
}

function kindProblems(label: string, { kind, persistence }: TableFacts): Problem[] {
  if (persistence === 'temporary')
    return [problem('audit-kind', label, 'is a temporary table.', 'Remove it from coach:audit.tables.')];
  if (persistence === 'unlogged')
    return [
      problem(
        'audit-kind',
        label,
        'is unlogged, so a crash empties it, unrecorded.',
        'ALTER TABLE ... SET LOGGED in a migration, or remove it from coach:audit.tables.',
      ),
    ];
  if (kind === 'table' || kind === 'partitioned table') return [];
  return [
    problem('audit-kind', label, `is a ${kind}; only tables can be audited.`, 'Audit the tables behind it instead.'),
  ];
}

function keyProblems(label: string, facts: TableFacts, declared: AuditedTable): Problem[] {
  if (facts.kind !== 'table' && facts.kind !== 'partitioned table') return [];
  if (facts.primaryKey.length === 0)
    return [
      problem(
        'audit-no-key',
        label,
        'has no primary key, so its rows could not be told apart in the trail.',
        'Add one in a migration (Prisma: @id or @@id), or remove the table from coach:audit.tables.',
      ),
    ];
  return [...(declared.exclude ?? []), ...(declared.redact ?? [])]
    .filter((column) => facts.primaryKey.includes(column))
    .map((column) =>
      problem(
        'audit-key-hidden',
        label,
        `has ${column} in its primary key, which cannot be hidden.`,
        `Take ${column} out of exclude and redact.`,
      ),
    );
}

/** What is made from a hidden column shows it. */
function hiddenProblems(label: string, { columns }: TableFacts, declared: AuditedTable): Problem[] {
  const hidden = [...(declared.exclude ?? []), ...(declared.redact ?? [])];
  return columns
    .filter(({ name }) => !hidden.includes(name))
    .flatMap(({ name, generatedFrom }) =>
      generatedFrom
        .filter((source) => hidden.includes(source))
        .map((source) =>
          problem(
            'audit-hidden-seen',
            label,
            `has a column ${name} that is generated from ${source}, which is hidden, and would show it.`,
            `Hide ${name} too (exclude or redact in coach:audit.tables).`,
          ),
        ),
    );
}

function orderProblems(label: string, { firesFirst }: TableFacts): Problem[] {
  return firesFirst.map((trigger) =>
    problem(
      'audit-trigger-first',
      label,
      `has a trigger ${trigger}, which fires before the recorder: what it changes would be recorded before its cause.`,
      `Rename it in a migration, so that it sorts after ${TRIGGERS.UPDATE}: ALTER TRIGGER ... RENAME TO ... .`,
    ),
  );
}

function conversionProblems(label: string, { conversions }: TableFacts): Problem[] {
  return conversions.map((conversion) =>
    problem(
      'audit-conversion',
      label,
      `holds a type that ${conversion} turns into JSON: that function would run as the trail’s owner.`,
      'Drop the cast to json, or give the function to a superuser (ALTER FUNCTION ... OWNER TO).',
    ),
  );
}

/** A partition's rows are recorded as the whole table's; recorded on their own as well, each would be twice in the trail. */
function familyProblems(spec: AuditSpec, actual: AuditActual, label: string, facts: TableFacts): Problem[] {
  const above = actual.tables.find(
    (table) =>
      table.descendants.some(({ oid, partition }) => oid === facts.oid && partition) &&
      spec.tables.some((declared) => tableLabel(declared) === tableLabel(table)),
  );
  if (above === undefined) return [];
  return [
    problem(
      'audit-partition-twice',
      label,
      `is a partition of ${tableLabel(above)}, which is audited with all its rows.`,
      `Leave one of the two in coach:audit.tables.`,
    ),
  ];
}
