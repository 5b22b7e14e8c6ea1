import type { Problem } from '../../../system/errors';
import type { AuditedTable, AuditSpec } from '../../spec';
import type { AuditActual } from '../catalog';
import { TRAIL_COLUMNS } from '../columns';
import { tableLabel, TRIGGERS } from '../names';

/** What stands in the way of a trail as declared; all of it at once. */
export function auditProblems(spec: AuditSpec, actual: AuditActual): Problem[] {
  return [
    ...nameProblems(spec),
    ...roleProblems(spec, actual),
    ...trailProblems(spec, actual),
    ...spec.tables.flatMap((table) => tableProblems(spec, actual, table)),
  ];
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
  return [...new Set([...spec.readers, ...(spec.loaders ?? []), ...(spec.dumpers ?? [])])]
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
  const found: Problem[] = [];
  const refuse = (code: string, what: string, remedy: string): number =>
    found.push({ code, message: `Audit of ${label}: it ${what}`, remedy, object: label });
  const facts = actual.tables.find((table) => tableLabel(table) === label);
  if (spec.tables.find((table) => tableLabel(table) === label) !== declared)
    refuse('audit-table-twice', 'is listed twice.', 'Leave one entry of it in coach:audit.tables.');
  else if (declared.schema === spec.schema)
    refuse('audit-of-trail', 'belongs to the trail itself.', 'Remove it from coach:audit.tables.');
  else if (facts === undefined)
    refuse(
      'audit-table-missing',
      'does not exist.',
      'Apply the migration that creates it, or remove it from coach:audit.tables.',
    );
  if (facts === undefined || found.length > 0) return found;

  const isTable = facts.kind === 'table' || facts.kind === 'partitioned table';
  if (facts.persistence === 'temporary')
    refuse('audit-kind', 'is a temporary table.', 'Remove it from coach:audit.tables.');
  else if (facts.persistence === 'unlogged')
    refuse(
      'audit-kind',
      'is unlogged, so a crash empties it, unrecorded.',
      'ALTER TABLE ... SET LOGGED in a migration, or remove it from coach:audit.tables.',
    );
  else if (!isTable)
    refuse('audit-kind', `is a ${facts.kind}; only tables can be audited.`, 'Audit the tables behind it instead.');
  if (isTable && facts.primaryKey.length === 0)
    refuse(
      'audit-no-key',
      'has no primary key, so its rows could not be told apart in the trail.',
      'Add one in a migration (Prisma: @id or @@id), or remove the table from coach:audit.tables.',
    );

  const hidden = [...(declared.exclude ?? []), ...(declared.redact ?? [])];
  for (const column of hidden.filter((name) => facts.primaryKey.includes(name)))
    refuse(
      'audit-key-hidden',
      `has ${column} in its primary key, which cannot be hidden.`,
      `Take ${column} out of exclude and redact.`,
    );
  // What is made from a hidden column shows it.
  for (const { name, generatedFrom } of facts.columns.filter((column) => !hidden.includes(column.name)))
    for (const source of generatedFrom.filter((one) => hidden.includes(one)))
      refuse(
        'audit-hidden-seen',
        `has a column ${name} that is generated from ${source}, which is hidden, and would show it.`,
        `Hide ${name} too (exclude or redact in coach:audit.tables).`,
      );
  for (const trigger of facts.firesFirst)
    refuse(
      'audit-trigger-first',
      `has a trigger ${trigger}, which fires before the recorder: what it changes would be recorded before its cause.`,
      `Rename it in a migration, so that it sorts after ${TRIGGERS.UPDATE}: ALTER TRIGGER ... RENAME TO ... .`,
    );
  for (const conversion of facts.conversions)
    refuse(
      'audit-conversion',
      `holds a type that ${conversion} turns into JSON: that function would run as the trail’s owner.`,
      'Drop the cast to json, or give the function to a superuser (ALTER FUNCTION ... OWNER TO).',
    );
  // A partition's rows are recorded as the whole table's; recorded on their own as well, each would be twice in the trail.
  const whole = actual.tables.find(
    (table) =>
      table.descendants.some(({ oid, partition }) => oid === facts.oid && partition) &&
      spec.tables.some((other) => tableLabel(other) === tableLabel(table)),
  );
  if (whole !== undefined)
    refuse(
      'audit-partition-twice',
      `is a partition of ${tableLabel(whole)}, which is audited with all its rows.`,
      'Leave one of the two in coach:audit.tables.',
    );
  return found;
}
