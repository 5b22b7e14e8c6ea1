import type { Parameters, ParameterValue } from '../spec';
import { parameterRows, type ParameterSpec, parameterSpec } from './parameter';
import { RDS_DEFAULTS, RDS_LIBRARIES, type RdsApply, rdsOwnParameters, unavailableOnRds } from './rdsParameters';
import { type ParsedParameter, parseParameter, splitList } from './value';

export type RdsApplyMethod = 'immediate' | 'pending-reboot';

/** One parameter of an RDS parameter group: numbers are bare, in the parameter's own unit. */
export interface RdsParameter {
  name: string;
  value: string;
  applyMethod: RdsApplyMethod;
}

/** A declared parameter that the group does not hold as declared. */
export interface RdsNotice {
  name: string;
  value: ParameterValue;
  /** satisfied: RDS does it anyway; replaced: another parameter says it; refused: RDS cannot do it. */
  outcome: 'satisfied' | 'replaced' | 'refused';
  reason: string;
}

/** How RDS takes a parameter. A static one sent as `immediate` is refused, so what varies between majors counts as static. */
export function rdsApply(spec: ParameterSpec, major?: number): RdsApply {
  if (unavailableOnRds.has(spec.name)) return 'unavailable';
  // The list of the RDS User Guide calls it static although its context is superuser.
  if (spec.name === 'temp_file_limit') return 'static';
  const rows = major === undefined ? parameterRows(spec.name) : [parameterSpec(spec.name, major)];
  return rows.some((row) => row?.context === 'postmaster') ? 'static' : 'dynamic';
}

const methodOf = (apply: RdsApply): RdsApplyMethod => (apply === 'dynamic' ? 'immediate' : 'pending-reboot');

function rdsText({ value }: ParsedParameter): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value !== 'object') return String(value);
  return value.map((item) => (/^[a-z0-9_$]+$/.test(item) ? item : `"${item.replaceAll('"', '""')}"`)).join(',');
}

/** wal_level is RDS's own: replica is its floor, and rds.logical_replication raises it to logical. */
const WAL_LEVEL: Readonly<Record<string, Pick<RdsNotice, 'outcome' | 'reason'>>> = {
  minimal: { outcome: 'refused', reason: 'RDS does not run with wal_level minimal.' },
  replica: { outcome: 'satisfied', reason: 'RDS sets wal_level itself, to replica where backups are on.' },
  logical: { outcome: 'replaced', reason: 'rds.logical_replication = 1 raises wal_level to logical.' },
};

/**
 * The parameter group for these parameters, sorted by name, and every parameter it does not hold as declared. A parameter that
 * does not parse is a `refused` notice. What is unknown is sent as `pending-reboot`, which RDS takes for both types.
 */
export function renderRds(
  parameters: Parameters,
  options: { major?: number } = {},
): { parameters: RdsParameter[]; notices: RdsNotice[] } {
  const sent = new Map<string, RdsParameter>();
  const notices: RdsNotice[] = [];
  const send = ({ name, value, applyMethod }: RdsParameter): void => {
    const method = RDS_DEFAULTS.get(name) === value ? 'pending-reboot' : applyMethod;
    sent.set(name, { name, value, applyMethod: method });
  };

  for (const [name, value] of Object.entries(parameters)) {
    const own = rdsOwnParameters.get(name);
    if (own !== undefined) {
      send({
        name,
        value: typeof value === 'boolean' ? (value ? '1' : '0') : String(value),
        applyMethod: methodOf(own),
      });
      continue;
    }
    const { parameter, problem } = parseParameter(name, value, options);
    if (problem !== undefined) {
      notices.push({ name, value, outcome: 'refused', reason: `${problem.message} ${problem.remedy}` });
      continue;
    }
    const ofWal = parameter.name === 'wal_level' ? WAL_LEVEL[String(parameter.value)] : undefined;
    if (ofWal !== undefined) {
      notices.push({ name: parameter.name, value, ...ofWal });
      if (ofWal.outcome === 'replaced')
        send({ name: 'rds.logical_replication', value: '1', applyMethod: 'pending-reboot' });
      continue;
    }
    const apply = parameter.spec === undefined ? 'static' : rdsApply(parameter.spec, options.major);
    if (apply === 'unavailable') {
      notices.push({ name, value, ...unavailableNotice(parameter) });
      continue;
    }
    if (parameter.name === 'shared_preload_libraries') {
      const items = splitList(parameter.text) ?? [];
      const allowed = items.filter((item) => RDS_LIBRARIES.includes(item));
      const refused = items.filter((item) => !allowed.includes(item));
      for (const library of refused) {
        const reason = `RDS does not preload ${library}; it can preload ${RDS_LIBRARIES.join(', ')}.`;
        notices.push({ name, value, outcome: 'refused', reason });
      }
      if (allowed.length > 0) {
        send({ name: parameter.name, value: allowed.join(','), applyMethod: 'pending-reboot' });
      }
      continue;
    }
    // RDS spells TimeZone, DateStyle and IntervalStyle in lower case.
    send({ name: parameter.name.toLowerCase(), value: rdsText(parameter), applyMethod: methodOf(apply) });
  }
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  return { parameters: [...sent.values()].sort(byName), notices: notices.sort(byName) };
}

function unavailableNotice(parameter: ParsedParameter): Pick<RdsNotice, 'outcome' | 'reason'> {
  const known = unavailableOnRds.get(parameter.name);
  const satisfied = known?.always !== undefined && parameter.value === known.always;
  return {
    outcome: satisfied ? 'satisfied' : 'refused',
    reason: `A parameter group cannot set ${parameter.name}: ${known?.reason ?? 'Amazon RDS sets it'}.`,
  };
}
