'use strict';
/** Reads vitest's summary from a log and prints it as one line: `N passed, N failed, N skipped`. */
const { readFileSync } = require('node:fs');

const { stripVTControlCharacters } = require('node:util');

const text = stripVTControlCharacters(readFileSync(process.argv[2], 'utf8'));
const summary = [...text.matchAll(/^\s*Tests\s+(.*)$/gm)].pop()?.[1] ?? '';
const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
const passed = count('passed');
const failed = count('failed');
process.stdout.write(`${passed} passed, ${failed} failed, ${count('skipped')} skipped\n`);
if (passed === 0 || failed > 0) process.exitCode = 1;
