import type { TestProject } from 'vitest/node';

import { embeddedBinaries, installedBinaries, openBinaries, startCluster } from './cluster';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: {
      host: string;
      port: number;
      user: string;
      password: string;
      major: number;
      binaries: string;
      dataDirectory: string;
    };
  }
}

/** One server for the whole run; every test file makes its own database in it (`freshDatabase`). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const closeBinaries = openBinaries();
  const binaries = installedBinaries() ?? embeddedBinaries();
  if (binaries === undefined)
    throw new Error('No PostgreSQL: neither an installed one nor the npm binaries. Run npm ci.');
  const cluster = await startCluster(binaries);
  const { host, port, user, password, major, dataDirectory } = cluster;
  project.provide('cluster', { host, port, user, password, major, binaries, dataDirectory });
  return async () => {
    await cluster.stop();
    closeBinaries();
  };
}
