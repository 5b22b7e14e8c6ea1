import { PlatformError, type Problem } from '../system/errors';

/** Several problems found together, all of the same kind: settings, as a rule. */
export class ProblemList extends PlatformError {
  constructor(
    readonly problems: readonly Problem[],
    kind: PlatformError['kind'] = 'usage',
  ) {
    const first = problems[0];
    super(first?.code ?? 'unexpected', problems.map(({ message }) => message).join('\n'), first?.remedy ?? '', {
      kind,
    });
  }
}
