import { isNamespaced, parameterSpec } from '../../postgres/tuning/parameter';
import { rdsApply } from '../../postgres/tuning/rds';
import { RDS_DEFAULTS, RDS_LIBRARIES, rdsOwnParameters, unavailableOnRds } from '../../postgres/tuning/rdsParameters';
import { type PolicyResource, type Rule, rule } from '../rule';
import { PARAMETER_GROUP } from '../types';
import { at, isObject, isUnknown, listAt, shown } from '../values';

interface Parameter {
  name: string;
  value: string;
  /** The provider's default is `immediate`. */
  method: string;
}

const parametersOf = ({ inputs }: PolicyResource): Parameter[] =>
  listAt(inputs, 'parameters')
    .filter(isObject)
    .filter(({ value }) => !isUnknown(value))
    .map(({ name, value, applyMethod = 'immediate' }) => ({
      name: String(name),
      value: String(value),
      method: String(applyMethod),
    }));

/** `postgres17`: 17. */
export function majorOf(group: PolicyResource): number | undefined {
  const [, major] = /^postgres(\d+)$/.exec(String(at(group.inputs, 'family'))) ?? [];
  return major === undefined ? undefined : Number(major);
}

const perParameter =
  (problem: (parameter: Parameter, major: number | undefined) => string | undefined) => (group: PolicyResource) =>
    parametersOf(group).flatMap((parameter) => {
      const found = problem(parameter, majorOf(group));
      return found === undefined ? [] : [`${parameter.name} ${found}`];
    });

const isSpelt = ({ name }: Parameter, major: number | undefined): boolean =>
  rdsOwnParameters.has(name) ||
  (name === name.toLowerCase() && (parameterSpec(name, major) !== undefined || isNamespaced(name)));

export const rdsParameterRules: readonly Rule[] = [
  rule('rds-family-known', {
    title: 'Parameter groups are of a family of PostgreSQL',
    types: [PARAMETER_GROUP],
    find: (group) =>
      majorOf(group) === undefined
        ? [`family is ${shown(group.inputs['family'])}; expected postgres15 to postgres18`]
        : [],
  }),
  rule('rds-parameter-names', {
    title: 'Every parameter of a group exists in its major version, in lower case, and can be set on RDS',
    types: [PARAMETER_GROUP],
    find: perParameter((parameter, major) => {
      const refused = unavailableOnRds.get(parameter.name);
      if (refused !== undefined) return `cannot be set on RDS: ${refused.reason}`;
      if (isSpelt(parameter, major)) return undefined;
      return `is none of PostgreSQL ${major}'s parameters in lower case`;
    }),
  }),
  rule('rds-parameter-values', {
    title: 'Every parameter has a value of its type, a bare number in its own unit and within its limits',
    types: [PARAMETER_GROUP],
    find: perParameter(valueProblem),
  }),
  rule('rds-parameter-methods', {
    title: 'What needs a restart is sent as pending-reboot (RDS refuses it as immediate)',
    types: [PARAMETER_GROUP],
    find: perParameter(({ name, method }, major) => {
      if (method !== 'immediate' && method !== 'pending-reboot')
        return `has method ${method}; expected immediate or pending-reboot`;
      const spec = parameterSpec(name, major);
      const apply = rdsOwnParameters.get(name) ?? (spec === undefined ? 'dynamic' : rdsApply(spec, major));
      return apply === 'static' && method === 'immediate' ? 'is static, and sent as immediate' : undefined;
    }),
  }),
  rule('rds-parameter-defaults', {
    title:
      'A value that the family has by itself is sent as pending-reboot, or not at all (beside immediate it would differ for ever)',
    types: [PARAMETER_GROUP],
    find: perParameter(({ name, value, method }) =>
      RDS_DEFAULTS.get(name) === value && method === 'immediate'
        ? 'is the family’s own value, and sent as immediate'
        : undefined,
    ),
  }),
  rule('rds-force-ssl', {
    title: 'The server takes connections with TLS alone (rds.force_ssl, on by default from 15 on)',
    types: [PARAMETER_GROUP],
    find: perParameter(({ name, value }) =>
      name === 'rds.force_ssl' && value === '0' ? 'is "0"; expected "1", or nothing' : undefined,
    ),
  }),
];

function valueProblem({ name, value }: Parameter, major: number | undefined): string | undefined {
  // A formula of RDS: {DBInstanceClassMemory/32768}.
  if (/^(GREATEST|LEAST|SUM|log)?[({]/.test(value)) return undefined;
  const spec = parameterSpec(name, major);
  if (spec === undefined) return undefined;
  const { type, unit, min = -Infinity, max = Infinity, values = [] } = spec;
  if (type === 'integer' || type === 'real') {
    const bare = type === 'integer' ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/;
    const inUnit = unit === undefined ? 'a bare number' : `a bare number of ${unit}`;
    const limits = `${spec.min ?? 'any'} to ${spec.max ?? 'any'}`;
    const isFit = bare.test(value) && Number(value) >= min && Number(value) <= max;
    return isFit ? undefined : `is ${shown(value)}; expected ${inUnit}, ${limits}`;
  }
  if (type === 'bool') return value === '0' || value === '1' ? undefined : `is ${shown(value)}; expected "0" or "1"`;
  if (type === 'enum')
    return values.includes(value) ? undefined : `is ${shown(value)}; expected one of ${values.join(', ')}`;
  if (name !== 'shared_preload_libraries') return undefined;
  const strangers = value.split(',').filter((library) => !RDS_LIBRARIES.includes(library));
  return strangers.length === 0 ? undefined : `names ${strangers.join(', ')}; RDS preloads ${RDS_LIBRARIES.join(', ')}`;
}
