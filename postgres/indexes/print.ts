import type { IndexPlan } from './plan';
import type { IndexProgress } from './progress';

/** One line for a preview: `none`, `create`, `replace: columns location instead of language`, or what stands in the way. */
export function planLine(plan: IndexPlan): string {
  if (plan.problems.length > 0) {
    return plan.problems.map(({ message, remedy }) => `not as things are: ${message} ${remedy}`).join(' ');
  }
  if (plan.differences.length === 0) return plan.action;
  const differences = plan.differences.map(
    ({ property, wanted, actual }) => `${property} ${wanted} instead of ${actual}`,
  );
  return `${plan.action}: ${differences.join('; ')}`;
}

/** A plan in full, as a dry run prints it: its line, then each statement with its reason. */
export function planText(plan: IndexPlan): string {
  const lines = [`${plan.schema}.${plan.name} on ${plan.table}: ${planLine(plan)}`];
  for (const step of plan.steps) {
    lines.push(`  -- ${step.action}: ${step.reason}`);
    lines.push(...step.sql.map((statement) => `  ${statement};`));
  }
  lines.push(...plan.notes.map((note) => `  note: ${note}`));
  if (plan.duplicates.length > 0) lines.push(`  note: the same index exists as ${plan.duplicates.join(', ')}`);
  return lines.join('\n');
}

/** `idx_student_location: building index: scanning table, 43 %, 12 s`. */
export function progressLine({ index, phase, fraction, waitingFor, elapsedMs }: IndexProgress): string {
  const parts = [`${index.name}: ${phase}`];
  if (fraction !== null) parts.push(`${Math.floor(fraction * 100)} %`);
  if (waitingFor !== null) parts.push(`for ${waitingFor}`);
  parts.push(`${Math.round(elapsedMs / 1000)} s`);
  return parts.join(', ');
}
