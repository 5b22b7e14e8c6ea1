import type { Graph } from '../../engine/graph/graph';
import type { TestProject } from '../support/project';

/** What prod's program declares with these settings, `coach:` keys by name. */
export async function prodGraph(project: TestProject, settings: Record<string, unknown> = {}): Promise<Graph> {
  for (const [name, value] of Object.entries(settings)) project.set(name, value, 'prod');
  const { code, report, stderr } = await project.json(['graph', '--stack', 'prod']);
  if (code !== 0) throw new Error(JSON.stringify(report['problems']) + stderr);
  return report as unknown as Graph;
}
