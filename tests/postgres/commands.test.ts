import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { allForStack, forStack, SCRIPTS } from '../../postgres/commands';

describe('forStack', () => {
  it.each([
    ['Run `npm start` first.', 'Run `npm run up -- --stack staging` first.'],
    ['`npm run up` does it', '`npm run up -- --stack staging` does it'],
    ['`npm run up -- --repair-lock`', '`npm run up -- --repair-lock --stack staging`'],
    ['`npm run coachdb -- deploy --applied 1_init`', '`npm run coachdb -- deploy --applied 1_init --stack staging`'],
    [
      '`npm run db:deploy`, then `npm run coachdb -- logs`',
      '`npm run db:deploy -- --stack staging`, then `npm run coachdb -- logs --stack staging`',
    ],
  ])('%s', (text, expected) => {
    expect(forStack(text, 'staging')).toBe(expected);
    expect(forStack(expected, 'staging')).toBe(expected);
    expect(forStack(text, 'local')).toBe(text);
  });

  it.each(['`npm run build` and `npm run prepare`', 'npm start', '`npm run up -- --stack other`', '`npm run upward`'])(
    'leaves %s',
    (text) => {
      expect(forStack(text, 'staging')).toBe(text);
    },
  );

  it('reaches every text below a value, and nothing else', () => {
    const when = new Date(0);
    expect(allForStack({ problems: [{ remedy: '`npm start`' }], when, count: 1, none: null }, 'staging')).toEqual({
      problems: [{ remedy: '`npm run up -- --stack staging`' }],
      when,
      count: 1,
      none: null,
    });
  });

  it('knows every script of package.json that runs the command line', () => {
    const { scripts } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const running = Object.entries(scripts).filter(([, command]) => command.startsWith('node scripts/coachdb.cjs'));
    expect(running.map(([name]) => name).sort()).toEqual([...SCRIPTS].sort());
  });
});
