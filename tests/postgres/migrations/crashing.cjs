'use strict';
/**
 * Applies a folder in a process of its own, to be killed. argv: JSON { compiled, target, owner, directory, stopAt }; `compiled` holds the
 * library as JavaScript. At the progress event with number `stopAt` it prints `stopped` and blocks for good, exactly there;
 * without one it ends with `done N`.
 */
const { writeSync } = require('node:fs');
const { join } = require('node:path');

const { compiled, target, owner, directory, stopAt } = JSON.parse(process.argv[2]);
const load = (path) => require(join(compiled, 'postgres', path));
const { withClient } = load('connection/client.js');
const { applyMigrations } = load('migrations/apply.js');
const { readMigrationFolder } = load('migrations/folder.js');
const { planMigrations } = load('migrations/plan.js');

// The plan is made again under the lock, so an empty history will do.
const plan = planMigrations(readMigrationFolder(directory), {
  schema: 'public',
  exists: true,
  rows: [],
  otherTables: [],
});
let events = 0;

withClient(target, (client) =>
  applyMigrations(client, plan, {
    role: owner,
    lockTimeoutMs: 5000,
    statementTimeoutMs: 5000,
    onProgress: () => {
      events += 1;
      if (events !== stopAt) return;
      writeSync(1, 'stopped\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  }),
).then(
  () => process.stdout.write(`done ${events}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
