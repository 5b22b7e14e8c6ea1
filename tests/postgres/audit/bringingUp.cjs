'use strict';
/**
 * Brings a trail up in a process of its own, to be killed. argv: JSON { compiled, target, spec, stopAt }; `compiled` holds the library as
 * JavaScript. Before statement `stopAt` it says `stopped` and blocks for good, exactly there. Ends with `done`.
 */
const { writeSync } = require('node:fs');
const { join } = require('node:path');

const { compiled, target, spec, stopAt } = JSON.parse(process.argv[2]);
const load = (path) => require(join(compiled, 'postgres', path));
const { withClient } = load('connection/client.js');
const { bringUpAudit } = load('audit/plan/apply.js');

withClient(target, (client) => {
  const query = client.query.bind(client);
  let count = 0;
  client.query = (...parameters) => {
    count += 1;
    if (count === stopAt) {
      writeSync(1, 'stopped\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    return query(...parameters);
  };
  return bringUpAudit(client, spec);
}).then(
  () => writeSync(1, 'done\n'),
  (error) => writeSync(1, `failed ${error.code}\n`),
);
