'use strict';
/** npm's `prepare`: builds, and makes the folders and files that plain `pulumi` needs before `coachdb` ever ran. */
const path = require('node:path');

const { buildIfStale } = require('./build.cjs');

if (!buildIfStale()) process.exit(1);
const root = path.dirname(__dirname);
require(path.join(root, 'dist', 'scripts', 'workspace.js'))
  .prepareWorkspace(root)
  .catch((error) => {
    process.stderr.write(`${error.message}\n${error.remedy ?? ''}\n`);
    process.exitCode = 1;
  });
