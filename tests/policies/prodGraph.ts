import type { Graph } from '../../engine/graph/graph';
import { prodGraph as drawn } from '../support/prodGraph';
import type { TestProject } from '../support/project';

/** What prod's program declares with these settings, `coach:` keys by name. */
export async function prodGraph(project: TestProject, settings: Record<string, unknown> = {}): Promise<Graph> {
  for (const [name, value] of Object.entries(settings)) project.set(name, value, 'prod');
  return drawn(project);
}
