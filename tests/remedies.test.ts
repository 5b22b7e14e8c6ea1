import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../scripts/commands/index';
import { settingRows } from '../scripts/docs/settings';
import { ROOT } from './support/compiled';
import { allTexts } from './support/sourceTexts';

/** What texts tell people to type or to set exists: commands with their options, npm's scripts, settings. */

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const COMMON = ['--stack', '--json', '--verbose', '--help'];

/** What is wrong with a command as it is typed; undefined: nothing. */
function wrongCommand(typed: string): string | undefined {
  const [, script = '', rest = ''] = /^npm (?:run )?([\w:-]+)(?: -- ?(.*))?$/s.exec(typed) ?? [];
  const command = scripts[script];
  if (script === 'ci') return undefined;
  if (command === undefined) return `package.json has no script ${script}`;
  const alias = /coachdb\.cjs ?(.*)$/.exec(command)?.[1];
  if (alias === undefined) return rest === '' ? undefined : `${script} takes nothing`;
  const words = [...alias.split(' '), ...rest.split(' ')].filter((word) => word !== '');
  if (words[0] === '--help' || words.includes('...')) return undefined;
  const definition = COMMANDS.filter(({ name }) => `${words.join(' ')} `.startsWith(`${name} `)).sort(
    (a, b) => b.name.length - a.name.length,
  )[0];
  if (definition === undefined) return `there is no command ${words.join(' ')}`;
  // Pulumi's own words follow.
  if (definition.passesThrough === true) return undefined;
  const known = [...COMMON, ...(definition.options ?? []).flatMap(({ long, short }) => [long, short])];
  const unknown = words.filter((word) => /^--\w/.test(word) && !known.includes(word.split('=')[0] ?? word));
  return unknown.length === 0 ? undefined : `${definition.name} has no ${unknown.join(', ')}`;
}

/** Parameters are PostgreSQL's, whatever their name. */
const settings = [...settingRows().map(({ path }) => path), 'parameters.any'];

/** Settings are named whole or by a section of them; X stands for what is put in. */
function isSetting(path: string): boolean {
  const bare = (name: string): string => name.replaceAll(/\[[^\]]*\]/g, '');
  const pattern = new RegExp(`^${bare(path).replaceAll('.', '\\.').replaceAll(/\bX\b/g, '[\\w.]+')}(\\.|$)`);
  return settings.some((setting) => pattern.test(bare(setting)));
}

describe('texts of the sources', () => {
  const texts = allTexts();

  it('name commands, options and scripts that exist', () => {
    const typed = texts.flatMap(({ file, text }) =>
      [...text.matchAll(/`(npm (?:run |start|ci\b)[^`]*)`/g)].map(([, command = '']) => ({ file, command })),
    );
    expect(typed.length).toBeGreaterThan(60);
    const wrong = typed.flatMap(({ file, command }) => {
      const what = wrongCommand(command);
      return what === undefined ? [] : [`${file}: \`${command}\`: ${what}`];
    });
    expect(wrong).toEqual([]);
  });

  it('name settings that exist', () => {
    const named = texts.flatMap(({ file, text }) =>
      [...text.matchAll(/\bcoach:([a-z]\w*(?:\.\w+|\[[^\]]*\])*)/g)]
        // Types of resources are written the same way, with two more parts or a capital.
        .filter(([whole]) => !text.includes(`${whole}:`))
        .map(([, path = '']) => ({ file, path })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ path }) => !isSetting(path))).toEqual([]);
  });

  it.each([
    ['npm run up -- --repair-everything', 'up has no --repair-everything'],
    ['npm run coachdb -- fly', 'there is no command fly'],
    ['npm run db:vacuum', 'package.json has no script db:vacuum'],
  ])('would notice `%s`', (command, what) => {
    expect(wrongCommand(command)).toBe(what);
  });

  it('would notice a setting that does not exist', () => {
    expect(['roles.owner.name', 'audit', 'roles.X.name', 'indexes[0].name'].map(isSetting)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['roles.owner.nam', 'audits', 'backups'].map(isSetting)).toEqual([false, false, false]);
  });
});
