'use strict';
/**
 * Applies a preparation in a process of its own, which kills itself before the `stopAt`th change of a file, or once something has been renamed
 * to `renamedTo`. argv: a file with JSON { compiled, plan, migrations, stopAt, renamedTo }; `compiled` holds the library as JavaScript. Ends with
 * `done` where it is not killed.
 */
const fs = require('node:fs');
const { join } = require('node:path');

const { compiled, plan, migrations, stopAt, renamedTo } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { applyPreparation } = require(join(compiled, 'postgres/transfer/prepare/stage.js'));

let changes = 0;
for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'writeSync', 'fsyncSync', 'openSync']) {
  const original = fs[name];
  fs[name] = (...args) => {
    changes += 1;
    if (changes === stopAt) process.kill(process.pid, 'SIGKILL');
    const result = original(...args);
    if (name === 'renameSync' && args[1] === renamedTo) process.kill(process.pid, 'SIGKILL');
    return result;
  };
}
applyPreparation(plan, migrations);
process.stdout.write('done');
