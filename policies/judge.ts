import type { ResourceChange } from '../engine/changes';
import { RULES } from './index';
import { planRules } from './plan';
import type { Level, PolicyGraph, Rule, Violation } from './rule';

/** What became of one rule. */
export interface Judgement extends Pick<Rule, 'id' | 'title' | 'source'> {
  level: Level;
  /** URNs of what it looked at. */
  judged: string[];
  violations: Violation[];
}

/** Every rule over a graph, and over the changes that lead to it where they are known. */
export function judge(graph: PolicyGraph, changes?: readonly ResourceChange[]): Judgement[] {
  const overGraph = RULES.map((rule): Judgement => {
    const { id, title, source, level } = rule;
    const judged = rule.subjects(graph).map(({ urn }) => urn);
    return { id, title, source, level, judged, violations: rule.check(graph) };
  });
  if (changes === undefined) return overGraph;
  const overPlan = planRules.map(({ id, title, check }): Judgement => {
    const judged = changes.filter(({ operation }) => operation !== 'same').map(({ urn }) => urn);
    return { id, title, source: 'coach', level: 'mandatory', judged, violations: check(changes) };
  });
  return [...overGraph, ...overPlan];
}
