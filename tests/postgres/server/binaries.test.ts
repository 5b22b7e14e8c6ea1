import {
  chmodSync,
  existsSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { type BinariesQuery, findBinaries, requireTool } from '../../../postgres/server/binaries';
import { copyNpmBinaries, linkLibraries, npmPackageName } from '../../../postgres/server/npmBinaries';
import { NEWEST_MAJOR } from '../../../postgres/tuning/parameter';
import { cleanUp, folder, NOWHERE, problemOf } from './support';

afterAll(cleanUp);

/** A folder of programs of which `postgres --version` says that version. */
function install(directory: string, version: string, others: string[] = []): string {
  mkdirSync(directory, { recursive: true });
  for (const name of ['postgres', 'initdb', ...others]) {
    writeFileSync(join(directory, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version} (Vendor (x) 1)"\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

const query = (root: string, change: Partial<BinariesQuery> = {}): BinariesQuery => ({
  choice: 'auto',
  pathVariable: '',
  packageRoot: root,
  places: NOWHERE,
  ...change,
});

/** The npm package's folder, as npm unpacks it: without its links. */
function npmPackage(root: string, version: string): string {
  const at = join(root, 'node_modules', npmPackageName());
  install(join(at, 'native', 'bin'), version);
  mkdirSync(join(at, 'native', 'lib'));
  mkdirSync(join(at, 'dist'));
  writeFileSync(join(at, 'dist', 'index.js'), '');
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: npmPackageName(), exports: './dist/index.js' }));
  writeFileSync(join(at, 'native', 'lib', 'libx.so.1.2'), 'library');
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }];
  writeFileSync(join(at, 'native', 'pg-symlinks.json'), JSON.stringify(links));
  return at;
}

describe('finding PostgreSQL', () => {
  it('takes the folder of the settings, and says what is wrong with it', async () => {
    const root = folder();
    const here = install(join(root, 'here'), '17.4', ['pg_dump', 'psql']);
    const found = findBinaries(query(root, { choice: here }));
    expect(found).toEqual({
      source: 'settings',
      directory: here,
      major: 17,
      version: '17.4',
      hasDump: true,
      hasPsql: true,
    });
    unlinkSync(join(here, 'initdb'));
    const error = await problemOf(() => findBinaries(query(root, { choice: here })));
    expect(error.code).toBe('binaries-missing');
    expect(error.message).toContain(`${here}: no initdb`);
  });

  it('follows a link on PATH to the folder that holds the rest', () => {
    const root = folder();
    const real = install(join(root, 'lib', '16', 'bin'), '16.2', ['pg_dump']);
    mkdirSync(join(root, 'path'));
    symlinkSync(join(real, 'postgres'), join(root, 'path', 'postgres'));
    const found = findBinaries(query(root, { pathVariable: `/nowhere:${join(root, 'path')}` }));
    expect(found).toMatchObject({ source: 'path', directory: real, major: 16 });
  });

  it('asks pg_config, and looks where Debian and Homebrew put it, newest first', () => {
    const root = folder();
    const configured = install(join(root, 'configured'), '15.1', ['pg_dump']);
    const path = join(root, 'path');
    mkdirSync(path);
    writeFileSync(join(path, 'pg_config'), `#!/bin/sh\n[ "$1" = --bindir ] && echo ${configured}\n`);
    chmodSync(join(path, 'pg_config'), 0o755);
    for (const major of ['9.6', '15', '17']) {
      install(join(root, 'debian', major, 'bin'), major === '9.6' ? '9.6.24' : `${major}.3`, ['pg_dump']);
      install(join(root, 'brew', `postgresql@${major}`, 'bin'), `${major}.2`, ['pg_dump']);
    }
    const debian = { debian: [join(root, 'debian')], homebrew: [] };
    const homebrew = { debian: [], homebrew: [join(root, 'brew')] };
    expect(findBinaries(query(root, { pathVariable: path, places: debian })).source).toBe('pg_config');
    expect(findBinaries(query(root, { places: debian }))).toMatchObject({ source: 'debian', version: '17.3' });
    expect(findBinaries(query(root, { places: homebrew }))).toMatchObject({ source: 'homebrew', version: '17.2' });
  });

  it('prefers one with pg_dump, then any installed one, then npm’s; `embedded` and `installed` keep to theirs', async () => {
    const root = folder();
    install(join(root, 'debian', '17', 'bin'), '17.1');
    const dump = install(join(root, 'debian', '16', 'bin'), '16.1', ['pg_dump']);
    const npm = npmPackage(root, '18.4');
    const places = { debian: [join(root, 'debian')], homebrew: [] };
    expect(findBinaries(query(root, { places })).directory).toBe(dump);
    unlinkSync(join(dump, 'pg_dump'));
    expect(findBinaries(query(root, { places })).version).toBe('17.1');
    expect(findBinaries(query(root, { places, choice: 'embedded' }))).toMatchObject({ source: 'npm', version: '18.4' });
    expect(findBinaries(query(root)).source).toBe('npm');
    rmSync(npm, { recursive: true });
    const error = await problemOf(() => findBinaries(query(root, { places, choice: 'embedded' })));
    expect(error.message).toContain(`npm package ${npmPackageName()}: not installed below ${root}`);
  });

  it('takes binaries of the data directory’s major before all others', () => {
    const root = folder();
    install(join(root, 'debian', '17', 'bin'), '17.1', ['pg_dump']);
    install(join(root, 'debian', '15', 'bin'), '15.1');
    npmPackage(root, '18.4');
    const places = { debian: [join(root, 'debian')], homebrew: [] };
    expect(findBinaries(query(root, { places, major: 15 })).version).toBe('15.1');
    expect(findBinaries(query(root, { places, major: 18 }))).toMatchObject({ source: 'npm', major: 18 });
    // Nobody has it: the data directory's own check says so.
    expect(findBinaries(query(root, { places, major: 16 })).version).toBe('17.1');
  });

  it('takes a major newer than the known ones where there is no other, or where it is asked for', () => {
    const root = folder();
    const newer = NEWEST_MAJOR + 1;
    const bin = install(join(root, 'debian', String(newer), 'bin'), `${newer}devel`, ['pg_dump']);
    const places = { debian: [join(root, 'debian')], homebrew: [] };
    expect(findBinaries(query(root, { places }))).toMatchObject({ directory: bin, major: newer });
    npmPackage(root, `${NEWEST_MAJOR}.4`);
    expect(findBinaries(query(root, { places })).source).toBe('npm');
    install(join(root, 'debian', '16', 'bin'), '16.1', ['pg_dump']);
    expect(findBinaries(query(root, { places })).version).toBe('16.1');
    expect(findBinaries(query(root, { places, choice: bin })).major).toBe(newer);
    expect(findBinaries(query(root, { places, major: newer })).major).toBe(newer);
  });

  it('names every place and every reason when there is none', async () => {
    const root = folder();
    install(join(root, 'debian', '14', 'bin'), '14.9', ['pg_dump']);
    const broken = install(join(root, 'path'), '15.1');
    writeFileSync(join(broken, 'postgres'), '#!/bin/sh\necho "libicu.so.60: cannot open" >&2\nexit 127\n');
    const places = { debian: [join(root, 'debian'), join(root, 'none')], homebrew: [] };
    const error = await problemOf(() => findBinaries(query(root, { places, pathVariable: broken })));
    expect(error.code).toBe('binaries-missing');
    expect(error.message).toContain(`${join(root, 'debian', '14', 'bin')}: PostgreSQL 14.9, expected 15 or later`);
    expect(error.message).toMatch(/path: postgres cannot be run: .*libicu/);
    expect(error.message).toContain(`${join(root, 'none')}: does not exist`);
    expect(error.message).toContain('npm package');
    expect(error.remedy).toMatch(/apt-get install postgresql.*npm ci/);
  });

  it('says which package brings a program that is not there', async () => {
    const root = folder();
    npmPackage(root, '18.4');
    const error = await problemOf(() => requireTool(findBinaries(query(root)), 'pg_dump'));
    expect(error.code).toBe('tool-missing');
    expect(error.message).toContain('the npm binaries bring the server only');
    expect(error.remedy).toContain('postgresql-client-18');
    const here = install(join(root, 'here'), '15.1', ['psql']);
    expect(requireTool(findBinaries(query(root, { choice: here })), 'psql')).toBe(join(here, 'psql'));
  });
});

describe('the npm package', () => {
  it('gets its library links, relative, and broken ones mended', () => {
    const root = folder();
    const at = npmPackage(root, '18.4');
    const link = join(at, 'native', 'lib', 'libx.so.1');
    findBinaries(query(root));
    expect(readlinkSync(link)).toBe('libx.so.1.2');
    unlinkSync(link);
    symlinkSync('/moved/away/libx.so.1.2', link);
    linkLibraries(at);
    linkLibraries(at);
    expect(readlinkSync(link)).toBe('libx.so.1.2');
    renameSync(root, `${root}-moved`);
    expect(existsSync(join(`${root}-moved`, 'node_modules', npmPackageName(), 'native', 'lib', 'libx.so.1'))).toBe(
      true,
    );
    renameSync(`${root}-moved`, root);
  });

  it('is copied whole, and what a killed copy left is removed', () => {
    const root = folder();
    const at = npmPackage(root, '18.4');
    symlinkSync(join(at, 'native', 'lib', 'libx.so.1.2'), join(at, 'native', 'lib', 'libx.so.1'));
    const system = join(root, 'system');
    const dead = join(system, 'npm-18.4.copying-999999999');
    mkdirSync(dead, { recursive: true });
    const copy = copyNpmBinaries(join(at, 'native', 'bin'), system, '18.4');
    expect(copy).toBe(join(system, 'npm-18.4', 'native', 'bin'));
    rmSync(at, { recursive: true });
    expect(existsSync(join(copy, '..', 'lib', 'libx.so.1'))).toBe(true);
    expect(existsSync(dead)).toBe(false);
  });
});
