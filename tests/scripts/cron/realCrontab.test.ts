import { spawnSync } from 'node:child_process';

import { expect, it } from 'vitest';

import { blockLines, withBlock } from '../../../scripts/cron/block';
import { readCrontab, writeCrontab } from '../../../scripts/cron/crontab';

const OWNER = { stack: 'local', root: '/nowhere/año 5%' };
const LINES = ['# a test', String.raw`0 2 1 1 * '/nowhere/a\%b' run`];

it('the crontab of this machine takes our lines and gives the others back byte for byte', (context) => {
  // It is the crontab of whoever runs the tests.
  if (process.env['COACH_TEST_CRONTAB'] === undefined)
    return context.skip('writes a real crontab: COACH_TEST_CRONTAB=1');
  if (spawnSync('crontab', ['-l']).error !== undefined) return context.skip('there is no program crontab');
  const before = readCrontab(process.env);
  try {
    const others = `${before}# caf\xe9\n5 5 5 5 * true \\%\n`;
    writeCrontab(others, process.env);
    const installed = withBlock(readCrontab(process.env), OWNER, LINES);
    writeCrontab(installed, process.env);
    expect(blockLines(readCrontab(process.env), OWNER)).toEqual(LINES);
    writeCrontab(withBlock(readCrontab(process.env), OWNER, []), process.env);
    expect(readCrontab(process.env)).toBe(others);
    expect(() => writeCrontab('99 * * * * x\n', process.env)).toThrow(/crontab said ".*bad minute/s);
    expect(readCrontab(process.env)).toBe(others);
  } finally {
    if (before === '') spawnSync('crontab', ['-r']);
    else writeCrontab(before, process.env);
  }
});
