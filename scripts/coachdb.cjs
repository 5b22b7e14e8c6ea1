#!/usr/bin/env node
'use strict';
/** The command line's entry: makes sure that what runs is what the sources say, then hands over to the compiled CLI. */
const path = require('node:path');

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(`Node.js ${process.versions.node} is too old: 20 or newer is needed.\n`);
  process.exit(64);
}
const { buildIfStale } = require('./build.cjs');
if (!buildIfStale()) process.exit(1);
require(path.join(path.dirname(__dirname), 'dist', 'scripts', 'cli.js')).main(process.argv.slice(2));
