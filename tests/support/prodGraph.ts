import type { Graph } from '../../engine/graph/graph';
import type { TestProject } from './project';

/** What prod's program declares in this project, offline. */
export async function prodGraph(project: TestProject, environment: NodeJS.ProcessEnv = {}): Promise<Graph> {
  const { code, report, stderr } = await project.json(['graph', '--stack', 'prod'], environment);
  if (code !== 0) throw new Error(JSON.stringify(report['problems']) + stderr);
  return report as unknown as Graph;
}
