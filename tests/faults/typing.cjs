'use strict';
/** `coachdb destroy --delete-data` on a terminal where answers are typed: `node typing.cjs ROOT STACK ANSWERS`; prints what became of it. */
const { join } = require('node:path');

const [root, stack, answers] = process.argv.slice(2);
const { destroy } = require(join(root, 'dist', 'scripts', 'commands', 'destroy.js'));
const typed = JSON.parse(answers);
let asked = 0;
const context = {
  root,
  stack,
  isStackNamed: false,
  environment: process.env,
  json: false,
  yes: false,
  verbose: false,
  display: { columns: undefined, colour: false, verbose: false },
  engine: 'embedded',
  progress: () => undefined,
  passing: () => undefined,
  signal: { aborted: false },
  ask: () => {
    asked += 1;
    return Promise.resolve(typed.shift() ?? '');
  },
};
destroy.run(context, { deleteData: true }, []).then(
  ({ exitCode }) => process.stdout.write(JSON.stringify({ asked, exitCode })),
  ({ code }) => process.stdout.write(JSON.stringify({ asked, code })),
);
