import { qualified, quoteIdentifier } from '../../connection/quote';
import { grantee } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual, PolicyFacts } from '../catalog';
import { defaultPartitionName, DUMP_POLICY, literal, SUPPORT, trailNames } from '../names';
import type { AuditFunction } from '../sql/function';
import { beginHashed, endHashed } from '../sql/tables';
import { sameSet, step } from './step';

/**
 * Row security refuses everybody by default, whatever is granted to them. These policies are the only ones: readers see the trail, and whoever
 * dumps the database each of its partitions too, since pg_dump reads those one by one. `maintain` gives a partition that it makes its own.
 */
export function planPolicies(spec: AuditSpec, actual: AuditActual): Step[] {
  const { readers, dumpers = [], schema, table } = spec;
  // A month that a person detached is one still: `maintain` attaches it again.
  const isMonth = (name: string): boolean => name.startsWith(`${table}_`) && /^\d{4}_\d{2}$/.test(name.slice(-7));
  const partitions = actual.relations
    .filter(({ name, parent, kind }) => parent === table || (kind === 'r' && isMonth(name)))
    .map(({ name }) => name);
  const wanted = [
    { name: 'readers', relation: table, roles: readers },
    ...[...new Set([table, defaultPartitionName(spec), ...partitions])].map((relation) => ({
      name: DUMP_POLICY,
      relation,
      roles: dumpers,
    })),
  ].filter(({ roles }) => roles.length > 0);
  const isRight = (policy: PolicyFacts, { name, relation, roles }: (typeof wanted)[number]): boolean =>
    policy.name === name &&
    policy.relation === relation &&
    policy.command === 'SELECT' &&
    policy.using === 'true' &&
    sameSet(policy.roles, roles);
  const wrong = actual.policies.filter((policy) => !wanted.some((one) => isRight(policy, one)));
  const missing = wanted.filter((one) => !actual.policies.some((policy) => isRight(policy, one)));
  return [
    ...wrong.map(({ name, relation }) =>
      step('remove', `policy ${name} on ${relation}`, 'not declared', [
        `DROP POLICY ${quoteIdentifier(name)} ON ${qualified(schema, relation)}`,
      ]),
    ),
    ...missing.map(({ name, relation, roles }) =>
      step('create', `policy ${name} on ${relation}`, `for ${roles.join(', ')}`, [
        `CREATE POLICY ${name} ON ${qualified(schema, relation)} FOR SELECT TO ${roles.map(grantee).join(', ')} USING (true)`,
      ]),
    ),
  ];
}

export function planFunctions(spec: AuditSpec, actual: AuditActual, desired: readonly AuditFunction[]): Step[] {
  return desired.flatMap((wanted) => {
    const found = actual.functions.find(
      ({ name, arguments: types }) => name === wanted.name && types === wanted.arguments,
    );
    const owner = wanted.ownedBy === 'owner' ? spec.owner : actual.admin;
    const object = `function ${wanted.name}`;
    const identity = `${qualified(spec.schema, wanted.name)}(${wanted.arguments})`;
    const define =
      `CREATE OR REPLACE FUNCTION ${qualified(spec.schema, wanted.name)}(${wanted.declared}) RETURNS ${wanted.returns} ` +
      `LANGUAGE plpgsql SECURITY DEFINER ${wanted.config.map(setClause).join('')}` +
      `AS ${literal(wanted.source)}`;
    const own = `ALTER FUNCTION ${identity} OWNER TO ${quoteIdentifier(owner)}`;
    const allow = [
      `REVOKE ALL ON FUNCTION ${identity} FROM ${[...new Set(['public', ...(found?.execute ?? actual.defaultGrantees)])].map(grantee).join(', ')}`,
      ...(wanted.execute.length === 0
        ? []
        : [`GRANT EXECUTE ON FUNCTION ${identity} TO ${wanted.execute.map(grantee).join(', ')}`]),
    ];
    if (found === undefined) return [step('create', object, `runs as ${owner}`, [define, own, ...allow])];
    const differs = [
      found.source === wanted.source ? '' : 'source',
      found.definer && found.language === 'plpgsql' ? '' : 'security',
      sameSet(found.config, wanted.config) ? '' : 'settings',
    ].filter((part) => part !== '');
    const owned = found.owner === owner;
    const allowed = sameSet(found.execute, wanted.execute);
    if (differs.length === 0 && owned && allowed) return [];
    const what = [...differs, ...(owned ? [] : ['owner']), ...(allowed ? [] : ['privileges'])].join(', ');
    return [step('change', object, what, [...(differs.length > 0 ? [define] : []), ...(owned ? [] : [own]), ...allow])];
  });
}

/** A list of names is written as one, any other value as text. */
function setClause(entry: string): string {
  const [name = '', value = ''] = entry.split('=');
  return `SET ${name} = ${name === 'search_path' ? value : literal(value)} `;
}

/** Triggers on the trail's own tables. */
export function planOwnTriggers(spec: AuditSpec, actual: AuditActual): Step[] {
  const { trail, suspension, fn } = trailNames(spec);
  const wanted: { on: string; name: string; sql: string; made?: string[] }[] = [
    {
      on: SUPPORT.suspension,
      name: 'resume',
      sql: `CREATE CONSTRAINT TRIGGER resume AFTER INSERT ON ${suspension} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${fn('resume')}()`,
    },
    ...(spec.hashChain
      ? [
          {
            on: spec.table,
            name: 'hash_row',
            sql: `CREATE TRIGGER hash_row BEFORE INSERT ON ${trail} FOR EACH ROW EXECUTE FUNCTION ${fn('hash_row')}()`,
            made: [beginHashed(spec)],
          },
        ]
      : []),
  ];
  const present = actual.relations.flatMap(({ name: on, triggers }) => triggers.map((trigger) => ({ on, ...trigger })));
  const steps: Step[] = [];
  for (const { on, name, enabled, function: runs } of present) {
    if (wanted.some((one) => one.on === on && one.name === name && runs === name && enabled === 'A')) continue;
    const sql = [`DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(spec.schema, on)}`];
    if (name === 'hash_row') sql.push(endHashed(spec));
    steps.push(step('remove', `trigger ${name} on ${on}`, 'not as declared', sql));
  }
  for (const { on, name, sql, made = [] } of wanted) {
    if (present.some((one) => one.on === on && one.name === name && one.function === name && one.enabled === 'A'))
      continue;
    const enable = `ALTER TABLE ${qualified(spec.schema, on)} ENABLE ALWAYS TRIGGER ${name}`;
    steps.push(step('create', `trigger ${name} on ${on}`, 'fires always', [sql, enable, ...made]));
  }
  return steps;
}
