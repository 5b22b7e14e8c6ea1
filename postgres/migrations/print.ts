import type { MigrationPlan, MigrationStep } from './types';

/** A plan in words, for `--dry-run`, previews and reports: one line each, problems and warnings last. `directory`: as readers know it. */
export function planLines(plan: MigrationPlan, directory = plan.folder.directory): string[] {
  const { steps, applied } = plan;
  const done = `${count(applied.length, 'migration')} applied`;
  const head = steps.length === 0 ? `${done}, none pending.` : `${done}, ${steps.length} pending in ${directory}:`;
  return [
    head,
    ...steps.map((step) => `  ${step.name} (${describe(step)})`),
    ...plan.warnings.map((warning) => `Warning: ${warning}`),
    ...plan.problems.flatMap((problem) => [`Problem: ${problem.message}`, `  ${problem.remedy}`]),
  ];
}

/** "3 statements", and what keeps them from being all or nothing. */
export function describe(step: MigrationStep): string {
  const statements = count(step.statements.length, 'statement');
  if (step.reason === undefined) return statements;
  return step.transactional
    ? `${statements}; all or nothing ${step.reason}`
    : `${statements}; not all or nothing (${step.reason})`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
