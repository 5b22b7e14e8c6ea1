import type { Kind, Policies } from '../values/kinds';
import { describe, type SourceValue, type Unfit } from '../values/value';

/** One value that does not fit, as it stands in reports and in the reject file. */
export interface Issue {
  kind: Kind;
  table: string;
  /** Of the row: its primary key, else its number, else nothing. */
  key: string;
  column: string;
  value: string;
  reason: string;
  /** What became of the row or value. */
  action: 'refused' | 'rejected' | 'replaced';
}

/** So many of each kind are kept for the report; all of them go to the reject file. */
export const SHOWN = 10;

/** What does not fit, counted by kind. */
export class Issues {
  readonly counts = new Map<Kind, number>();
  readonly shown: Issue[] = [];
  /** Something was refused: nothing may be committed. */
  refused = 0;

  constructor(
    private readonly policies: Policies,
    /** Where every issue goes: the reject file. */
    private readonly write: (issue: Issue) => void = () => undefined,
  ) {}

  /** Decides by policy; returns what is to be done with the row. */
  add(table: string, key: string, column: string, value: SourceValue | string, unfit: Unfit): Issue['action'] {
    const policy = this.policies[unfit.kind];
    const action =
      policy === 'replace' && unfit.replacement !== undefined
        ? 'replaced'
        : policy === 'reject'
          ? 'rejected'
          : 'refused';
    this.record({
      kind: unfit.kind,
      table,
      key,
      column,
      value: typeof value === 'string' ? value : describe(value),
      reason: unfit.reason,
      action,
    });
    return action;
  }

  record(issue: Issue): void {
    const count = (this.counts.get(issue.kind) ?? 0) + 1;
    this.counts.set(issue.kind, count);
    if (issue.action === 'refused') this.refused += 1;
    if (count <= SHOWN) this.shown.push(issue);
    this.write(issue);
  }

  policyOf(kind: Kind): Policies[Kind] {
    return this.policies[kind];
  }
}
