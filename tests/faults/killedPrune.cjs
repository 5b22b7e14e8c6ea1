'use strict';
/**
 * Prunes a folder in a process of its own, which kills itself before the `stopAt`th change of a file, where that is given. argv: a file with
 * JSON { compiled, directory, ids, stopAt }; `compiled` holds the library as JavaScript. Says `begin` and `done`.
 */
const fs = require('node:fs');
const { join } = require('node:path');

const { compiled, directory, ids, stopAt } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { pruneFolder } = require(join(compiled, 'postgres/backup/prune.js'));

let changes = 0;
for (const name of ['renameSync', 'rmSync', 'fsyncSync']) {
  const original = fs[name];
  fs[name] = (...args) => {
    changes += 1;
    if (changes === stopAt) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}
fs.writeSync(1, 'begin\n');
const { failures } = pruneFolder(
  directory,
  ids.map((id) => ({ entry: { id }, action: 'remove' })),
);
if (failures.length > 0) throw failures[0];
fs.writeSync(1, 'done\n');
