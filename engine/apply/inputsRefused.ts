import { errorFromText, PlatformError } from '../../system/errors';
import { nameOf, typeOf } from '../protocol/registration';
import type { CheckResult } from './provider';

/** Inputs that `check` refused for several reasons. */
export class InputsRefused extends PlatformError {
  constructor(
    readonly errors: readonly PlatformError[],
    said: readonly string[],
    object: string,
  ) {
    super(
      'inputs-refused',
      `${typeOf(object)} ${nameOf(object)}:\n${said.join('\n')}`,
      'Mend each of them as it says.',
      { kind: errors.find(({ kind }) => kind === 'usage')?.kind ?? errors[0]?.kind ?? 'usage', object },
    );
  }
}

/** The error of inputs that `check` refused: one reason is that error, several are told together. */
export function inputsRefused(urn: string, failures: CheckResult['failures']): PlatformError {
  const errors = failures.map((failure) => errorOf(urn, failure));
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  const said = failures.map(({ property }, at) => {
    const { message, remedy } = errors[at] ?? { message: '', remedy: '' };
    return `${property === '' ? '' : `${property}: `}${message}\n${remedy}`;
  });
  return new InputsRefused(errors, said, urn);
}

function errorOf(urn: string, { property, reason }: CheckResult['failures'][number]): PlatformError {
  const what = property === '' ? reason : `${property}: ${reason}`;
  return (
    errorFromText(reason, { object: urn }) ??
    new PlatformError('inputs-refused', `${typeOf(urn)} ${nameOf(urn)}: ${what}`, 'Mend it as it says.', {
      kind: 'usage',
      object: urn,
    })
  );
}

/** Each reason by itself. */
export function reasonsOf<E>(error: E): readonly (E | PlatformError)[] {
  return error instanceof InputsRefused ? error.errors : [error];
}
