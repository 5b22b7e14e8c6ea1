#!/usr/bin/env node
'use strict';
/** The command line's entry: makes sure that what runs is what the sources say, then hands over to the compiled CLI. */
const path = require('node:path');

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(`Node.js ${process.versions.node} is too old: 20 or newer is needed.\n`);
  process.exit(64);
}
if (!isInstalled()) {
  process.stderr.write(
    `The packages of this project are not installed. Run \`npm ci\` in ${path.dirname(__dirname)}.\n`,
  );
  process.exit(64);
}
const { buildIfStale } = require('./build.cjs');
if (!buildIfStale()) process.exit(1);
const root = path.dirname(__dirname);
const compiled = path.join(root, 'dist', 'scripts');
// In this order: what the first one starts loads while the second one does.
require(path.join(compiled, 'standby.js')).prepareFor(process.argv.slice(2), root);
require(path.join(compiled, 'cli.js')).main(process.argv.slice(2));

function isInstalled() {
  try {
    for (const name of ['typescript', 'commander', 'pg', '@pulumi/pulumi']) require.resolve(name);
    return true;
  } catch {
    return false;
  }
}
