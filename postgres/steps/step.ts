/** One change of a plan: data that previews and dry runs print, and that `converge` and its like run. */
export interface Step {
  /** What it does, in words. */
  action: string;
  /** Its statements, in order. */
  sql: string[];
  /** `alone`: after the plan's others are committed, by itself. Default: in one transaction with them. */
  phase?: 'transaction' | 'alone';
  /** The role that has to run it; undefined: the account that deploys. `otherwise` is for where that had no effect. */
  as?: string;
  otherwise?: string[];
}

export function step(action: string, ...sql: string[]): Step {
  return { action, sql };
}
