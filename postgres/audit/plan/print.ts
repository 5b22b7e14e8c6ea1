import type { AuditPlan } from './plan';

/** A plan as lines, for previews, dry runs and drift: what stands in the way first, then each step. */
export function planLines({ steps, problems, warnings }: AuditPlan): string[] {
  const sign = { create: '+', change: '~', remove: '-' } as const;
  return [
    ...problems.map(({ message, remedy }) => `! ${message} ${remedy}`),
    ...warnings.map(({ message, remedy }) => `? ${message} ${remedy}`),
    ...steps.map(({ action, object, detail }) => `${sign[action]} ${object}: ${detail}`),
  ];
}

/** The SQL of a plan, ready to be read or run by hand: one transaction, then what follows it. */
export function planSql({ steps }: AuditPlan): string {
  const sql = (phase: 'transaction' | 'afterwards'): string[] =>
    steps
      .filter((step) => step.phase === phase)
      .flatMap((step) => [`-- ${step.object}: ${step.detail}`, ...step.sql.map((statement) => `${statement};`)]);
  const inside = sql('transaction');
  return [...(inside.length === 0 ? [] : ['BEGIN;', ...inside, 'COMMIT;']), ...sql('afterwards'), ''].join('\n');
}
