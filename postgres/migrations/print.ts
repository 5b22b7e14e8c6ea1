import type { MigrationPlan, MigrationStep } from './types';

/** A plan in words, for `--dry-run`, previews and reports: one line each, problems and warnings last. */
export function planLines(plan: MigrationPlan): string[] {
  const { steps, applied, folder } = plan;
  const done = `${count(applied.length, 'migration')} applied`;
  const head =
    steps.length === 0 ? `${done}, none pending.` : `${done}, ${steps.length} pending in ${folder.directory}:`;
  return [
    head,
    ...steps.map((step) => `  ${step.name} (${describe(step)})`),
    ...plan.warnings.map((warning) => `Warning: ${warning}`),
    ...plan.problems.flatMap((problem) => [`Problem: ${problem.message}`, `  ${problem.remedy}`]),
  ];
}

function describe(step: MigrationStep): string {
  const statements = count(step.statements.length, 'statement');
  return step.transactional ? statements : `${statements}, each committed by itself`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
