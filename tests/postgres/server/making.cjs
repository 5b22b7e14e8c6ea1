'use strict';
/**
 * Makes and starts a server in a process of its own, to be killed. argv: JSON { compiled, declaration, systemFolder, stopAt }. At the step of
 * that name it prints `stopped` and blocks for good, exactly there; without one it ends with `brought up`.
 */
const { writeSync } = require('node:fs');
const { join } = require('node:path');

const { compiled, declaration, systemFolder, stopAt } = JSON.parse(process.argv[2]);
const { placeServer } = require(join(compiled, 'server.js'));
const { bringUp } = require(join(compiled, 'bringUp.js'));

const placed = placeServer(declaration, {
  uid: process.getuid?.(),
  sudoUid: undefined,
  pathVariable: process.env.PATH,
  systemFolder,
});
bringUp(placed, {
  onStep: (step) => {
    writeSync(1, `step ${step}\n`);
    if (step !== stopAt) return;
    writeSync(1, 'stopped\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
}).then(
  () => process.stdout.write('brought up\n'),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
