import { judge } from '../../policies/judge';
import type { PolicyGraph } from '../../policies/rule';

/** What a graph breaks: rule, resource and message. */
export const broken = (graph: PolicyGraph): { id: string; message: string }[] =>
  judge(graph).flatMap(({ id, violations }) =>
    violations.map(({ urn, message }) => ({ id, message: `${urn.split('::').at(-1)} ${message}` })),
  );
