import type { TestProject } from 'vitest/node';

import {
  embeddedBinaries,
  installedBinaries,
  keepFreshDataDirectory,
  openBinaries,
  startCluster,
  type TestCluster,
  type TestServer,
} from './cluster';
import { prepareTemplate } from './deployed';
import { oncePerRun } from './oncePerRun';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The run's server: of the npm binaries, which are the newest major, or of the installed ones with COACH_TEST_SERVER=installed. */
    cluster: TestServer;
    /** A server of the other binaries, where the machine has both: for tests whose subject is a major. */
    otherCluster: TestServer | null;
  }
}

interface Servers {
  cluster: TestCluster;
  other: TestCluster | null;
}

/** Two servers for the whole run at most; every test file makes databases of its own in them (`freshDatabase`). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { value, leave } = await oncePerRun('servers', start);
  const { cluster, other } = value;
  project.provide('cluster', described(cluster));
  project.provide('otherCluster', other === null ? null : described(other));
  return leave;
}

async function start(): Promise<{ value: Servers; stop: () => Promise<void> }> {
  openBinaries();
  const found = [embeddedBinaries(), installedBinaries()].filter((binaries) => binaries !== undefined);
  if (process.env['COACH_TEST_SERVER'] === 'installed') found.reverse();
  const [first, second] = found;
  if (first === undefined) throw new Error('No PostgreSQL: neither an installed one nor the npm binaries. Run npm ci.');
  prepareTemplate();
  await Promise.all(found.map(keepFreshDataDirectory));
  const [cluster, other] = await Promise.all([startCluster(first), second === undefined ? null : startCluster(second)]);
  const stop = async (): Promise<void> => void (await Promise.all([cluster.stop(), other?.stop()]));
  return { value: { cluster, other }, stop };
}

/** What can be handed to the workers. */
function described({ host, port, user, password, major, binaries, dataDirectory }: TestCluster): TestServer {
  return { host, port, user, password, major, binaries, dataDirectory };
}
