import { cpus, totalmem } from 'node:os';

import { PlatformError } from '../../../postgres/errors';
import { stopServer } from '../../../postgres/server/process';
import {
  bringUp,
  changeAdminPassword,
  parameterContexts,
  type PlacedServer,
  placeServer,
  serverDrift,
} from '../../../postgres/server/server';
import { activationOf } from '../../../postgres/tuning/activation';
import { validateParameters } from '../../../postgres/tuning/validate';
import { equalParameter } from '../../../postgres/tuning/value';
import type { CheckFailure, Handler } from '../handler';
import type { Activation, ServerInputs, ServerOutputs } from '../serverTypes';
import { withRemedy } from './failure';

/** What Pulumi sends for a value it does not know yet. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** A PostgreSQL server process on this machine. */
export const server: Handler<ServerInputs, ServerOutputs> = withRemedy<ServerInputs, ServerOutputs>({
  async check(olds, news) {
    const machine = { memoryBytes: totalmem(), cpus: cpus().length };
    const failures: CheckFailure[] = validateParameters(news.parameters, machine).map(
      ({ message, remedy, object }) => ({
        property: `parameters.${object ?? ''}`,
        reason: `${message} ${remedy}`,
      }),
    );
    if (failures.length > 0) return { inputs: news, failures };
    return { inputs: { ...news, activation: await activation(olds, news) }, failures };
  },

  diff(_id, olds, news) {
    if (olds.dataDirectory !== news.dataDirectory) throw movedDirectory(olds.dataDirectory, news.dataDirectory);
    const changes =
      news.activation !== 'none' ||
      olds.drift.length > 0 ||
      olds.binaries !== news.binaries ||
      olds.account !== news.account ||
      olds.adminPassword !== news.adminPassword;
    return Promise.resolve({ changes });
  },

  async create(inputs) {
    const placed = place(inputs);
    await bringUp(placed);
    return { id: inputs.dataDirectory, outs: outputsOf(inputs, placed) };
  },

  read(id, props) {
    const placed = place(props);
    const { drift, altered } = serverDrift(placed);
    if (drift === 'missing') return Promise.resolve({ id: '' });
    const differences = [...(drift === 'stopped' ? ['stopped'] : []), ...altered];
    return Promise.resolve({ id, props: { ...props, drift: differences } });
  },

  async update(_id, olds, news) {
    const placed = place(news);
    if (olds.adminPassword !== news.adminPassword) {
      // The old password is the one that works, on the old port: change it before anything else.
      await bringUp(place({ ...news, port: olds.port, adminPassword: olds.adminPassword }));
      await changeAdminPassword({ ...placed.declaration, port: olds.port }, olds.adminPassword);
    }
    await bringUp(placed);
    return { outs: outputsOf(news, placed) };
  },

  async delete(_id, props) {
    await stopServer(place(props).process);
  },
});

function place(inputs: ServerInputs): PlacedServer {
  return placeServer(
    { ...inputs, account: inputs.account },
    { uid: process.getuid?.(), sudoUid: process.env['SUDO_UID'], pathVariable: process.env['PATH'] ?? '' },
  );
}

function outputsOf(inputs: ServerInputs, placed: PlacedServer): ServerOutputs {
  const { dataDirectory, logFile, account, binaries } = placed.process;
  return {
    ...inputs,
    major: binaries.major,
    version: binaries.version,
    actualDataDirectory: dataDirectory,
    logFile,
    binariesDirectory: binaries.directory,
    runsAs: account.name,
    drift: [],
  };
}

/** How the change takes effect: the strongest of what its parts need. */
async function activation(olds: Partial<ServerInputs> | undefined, news: ServerInputs): Promise<Activation> {
  if (olds?.parameters === undefined || olds.dataDirectory === undefined) return 'start';
  const { drift } = serverDrift(place(news));
  if (drift === 'missing' || drift === 'stopped') return 'start';
  if (olds.port !== news.port || olds.binaries !== news.binaries || olds.account !== news.account) return 'restart';
  const changed = changedParameters(olds.parameters, news.parameters);
  if (changed.length === 0) return drift === 'altered' ? 'reload' : 'none';
  const current = olds.adminPassword ?? news.adminPassword;
  const contexts = current === UNKNOWN ? undefined : await parameterContexts({ ...news, adminPassword: current });
  return activationOf(changed, (name) => contexts?.get(name));
}

function changedParameters(olds: ServerInputs['parameters'], news: ServerInputs['parameters']): string[] {
  return [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((name) => {
    const [before, after] = [olds[name], news[name]];
    return before === undefined || after === undefined ? before !== after : !equalParameter(name, before, after);
  });
}

function movedDirectory(before: string, after: string): PlatformError {
  return new PlatformError(
    'data-directory-changed',
    `The data directory would change from ${before} to ${after}: that would be a new, empty server.`,
    `To move the data: \`npm run coachdb -- destroy\`, move ${before} to ${after} yourself, and keep coach:server.dataDirectory at the ` +
      'old place through a symbolic link; or take the change back.',
    { kind: 'refused', object: after },
  );
}
