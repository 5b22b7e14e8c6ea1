import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { backendPaths, prepareBackend } from '../../../engine/state/backend';
import { readCheckpoint } from '../../../engine/state/checkpoint';
import { compileInto } from '../../support/compiled';
import { startNode } from './processes';

const ROUNDS = 12;
/** Writes states one after the other, each saying its number, until it is killed. */
const WRITER = `
const [compiled, path, from] = process.argv.slice(1);
const { writeCheckpoint, newCheckpoint } = require(compiled + '/engine/state/checkpoint.js');
const { writeSync } = require('node:fs');
for (let n = Number(from); ; n += 1) {
  const file = newCheckpoint('dev', 'proof', 'v1:' + n);
  file.checkpoint.latest.filler = 'x'.repeat(200000);
  writeCheckpoint(path, file);
  writeSync(1, 'wrote ' + n + '\\n');
}`;

let compiled: string;
let folder: string;

beforeAll(() => {
  compiled = compileInto('coach-state-js-', ['engine/state', 'system']);
  folder = mkdtempSync(join(tmpdir(), 'coach-state-'));
  prepareBackend(folder, 'proof');
});
afterAll(() => {
  for (const path of [compiled, folder]) rmSync(path, { recursive: true });
});

it('leaves a whole state and a whole backup wherever the writer is killed, and never goes back', async () => {
  const paths = backendPaths(folder, 'proof', 'dev');
  const numberIn = (path: string): number => Number(/"salt":"v1:(\d+)"/.exec(readFileSync(path, 'utf8'))?.[1]);
  let reached = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const writer = startNode(WRITER, [compiled, paths.checkpoint, String(reached + 1)]);
    await writer.said(`wrote ${reached + 2}`);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    writer.process.kill('SIGKILL');
    await writer.ended;
    expect(readCheckpoint(paths.checkpoint)).toBeDefined();
    expect(readCheckpoint(paths.backup)).toBeDefined();
    const now = numberIn(paths.checkpoint);
    expect(now).toBeGreaterThanOrEqual(reached + 2);
    // Killed between the two renames, both are the same.
    expect([now, now - 1]).toContain(numberIn(paths.backup));
    reached = now;
  }
  const left = readdirSync(join(folder, '.pulumi/stacks/proof')).filter((name) => name.endsWith('.new'));
  // At most what the last kill left: earlier leftovers were swept by the writers after them.
  expect(left.length).toBeLessThanOrEqual(2);
});
