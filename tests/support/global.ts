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
  stop(): Promise<void>;
}

/** The projects of a run share the process that sets them up, but no module: what it has started, and for how many projects. */
const run = globalThis as { coachServers?: { users: number; started: Promise<Servers> } };

/** Two servers for the whole run at most; every test file makes databases of its own in them (`freshDatabase`). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (run.coachServers ??= { users: 0, started: start() });
  shared.users += 1;
  const { cluster, other } = await shared.started;
  project.provide('cluster', described(cluster));
  project.provide('otherCluster', other === null ? null : described(other));
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete run.coachServers;
    await (await shared.started).stop();
  };
}

async function start(): Promise<Servers> {
  const closeBinaries = openBinaries();
  const found = [embeddedBinaries(), installedBinaries()].filter((binaries) => binaries !== undefined);
  if (process.env['COACH_TEST_SERVER'] === 'installed') found.reverse();
  const [first, second] = found;
  if (first === undefined) throw new Error('No PostgreSQL: neither an installed one nor the npm binaries. Run npm ci.');
  const removals = [prepareTemplate(), ...(await Promise.all(found.map(keepFreshDataDirectory)))];
  const [cluster, other] = await Promise.all([startCluster(first), second === undefined ? null : startCluster(second)]);
  return {
    cluster,
    other,
    stop: async () => {
      await Promise.all([cluster.stop(), other?.stop()]);
      for (const remove of [...removals, closeBinaries]) remove();
    },
  };
}

/** What can be handed to the workers. */
function described({ host, port, user, password, major, binaries, dataDirectory }: TestCluster): TestServer {
  return { host, port, user, password, major, binaries, dataDirectory };
}
