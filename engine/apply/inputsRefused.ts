import { errorFromText, PlatformError } from '../../postgres/errors';
import { nameOf, typeOf } from '../protocol/registration';
import type { CheckResult } from './provider';

/** The error of inputs that `check` refused: a single failure that carries an error of its own is that error; several are told together. */
export function inputsRefused(urn: string, failures: CheckResult['failures']): PlatformError {
  const errors = failures.flatMap(({ reason }) => errorFromText(reason, { object: urn }) ?? []);
  const [first] = errors;
  if (first !== undefined && failures.length === 1) return first;
  const whole = errors.length === failures.length;
  const reasons = failures.map(({ property, reason }) => (property === '' ? reason : `${property}: ${reason}`));
  return new PlatformError(
    'inputs-refused',
    `${typeOf(urn)} ${nameOf(urn)}:\n${reasons.join('\n')}`,
    'Mend each of them as it says.',
    { kind: whole && errors.every(({ kind }) => kind !== 'usage') ? (first?.kind ?? 'usage') : 'usage', object: urn },
  );
}
