'use strict';
/**
 * Makes an index in a process of its own, to be killed. argv: JSON { compiled, target, role, spec, stopAt }; `compiled` holds the library
 * as JavaScript. Prints `step N` before each step; before step `stopAt` it blocks for good, exactly there. Ends with `done`.
 */
const { writeSync } = require('node:fs');
const { join } = require('node:path');

const { compiled, target, role, spec, stopAt } = JSON.parse(process.argv[2]);
const load = (path) => require(join(compiled, 'postgres', path));
const { withClient } = load('connection/client.js');
const { ensureIndex } = load('indexes/ensure.js');

let steps = 0;
const onStep = () => {
  steps += 1;
  writeSync(1, `step ${steps}\n`);
  if (steps === stopAt) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};

withClient(target, (client) => ensureIndex(client, spec, { role, onStep }), { applicationName: 'building' }).then(
  () => writeSync(1, 'done\n'),
  (error) => {
    writeSync(1, `failed ${error.code}\n`);
    process.exitCode = 1;
  },
);
