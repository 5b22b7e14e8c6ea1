'use strict';
/**
 * Compiles the sources into dist/ and stamps it with a hash of them. `buildIfStale` is what every command calls first, so
 * that code older than its sources is never run. `node scripts/build.cjs` builds unconditionally.
 */
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { getSystemErrorMap } = require('node:util');

const root = path.dirname(__dirname);
const dist = path.join(root, 'dist');
const stamp = path.join(dist, '.sources');
const FOLDERS = [
  'infra',
  'stacks',
  'components',
  'postgres',
  'engine',
  'system',
  'policies',
  'functions',
  'scripts',
  'benchmarks',
];
const FILES = ['tsconfig.json', 'package-lock.json'];
/** Copied beside the compiled code that reads them. */
const ASSETS = new Set(['.json', '.sql', '.html', '.css']);

function sources() {
  const found = [];
  const walk = (folder) => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) walk(name);
      else if (name.endsWith('.ts') || ASSETS.has(path.extname(name))) found.push(name);
    }
  };
  for (const folder of FOLDERS) if (fs.existsSync(path.join(root, folder))) walk(folder);
  return [...FILES.filter((name) => fs.existsSync(path.join(root, name))), ...found].sort();
}

function hashOf(names) {
  const hash = createHash('sha256');
  for (const name of names) {
    hash
      .update(name)
      .update('\0')
      .update(fs.readFileSync(path.join(root, name)))
      .update('\0');
  }
  return hash.digest('hex');
}

function isStale() {
  try {
    return fs.readFileSync(stamp, 'utf8') !== hashOf(sources());
  } catch {
    return true;
  }
}

/** Two commands may find the build stale at once: one compiles, the other waits for it. */
function withBuildLock(work) {
  const lock = path.join(root, '.build.lock');
  const deadline = Date.now() + 120_000;
  let isTold = false;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = Number(readOr(lock, '0'));
      const since = fs.statSync(lock, { throwIfNoEntry: false })?.mtime;
      if (since === undefined) continue;
      if ((owner > 0 && !isRunning(owner, since)) || Date.now() > deadline) fs.rmSync(lock, { force: true });
      else if (!isTold) {
        process.stderr.write(`Waiting for the build of process ${owner} (${lock}).\n`);
        isTold = true;
      } else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function readOr(file, otherwise) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}

/** As the last build answers it: a process that started after the lock was written only has the number of the one that wrote it. */
function isRunning(pid, since) {
  try {
    return require(path.join(dist, 'system', 'processes.js')).isRunning(pid, since);
  } catch {
    // Nothing was built yet, or it is being built.
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function compile() {
  const names = sources();
  const hash = hashOf(names);
  const compiler = require.resolve('typescript/bin/tsc');
  fs.rmSync(stamp, { force: true });
  const result = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.json'), '--pretty', 'false'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    process.stderr.write(`The sources do not compile, so nothing was run:\n${result.stdout}${result.stderr}`);
    return false;
  }
  removeOrphans(new Set(names));
  for (const name of names) {
    if (!ASSETS.has(path.extname(name))) continue;
    fs.mkdirSync(path.dirname(path.join(dist, name)), { recursive: true });
    fs.copyFileSync(path.join(root, name), path.join(dist, name));
  }
  bundleFunctions();
  fs.writeFileSync(`${stamp}.new`, hash);
  fs.renameSync(`${stamp}.new`, stamp);
  return true;
}

/**
 * Each function of AWS Lambda as one file with what it reads at run time beside it. The same sources give the same bytes: the code's hash decides
 * whether it is deployed and run again.
 */
function bundleFunctions() {
  const functions = path.join(root, 'functions');
  if (!fs.existsSync(functions)) return;
  const { buildSync } = require('esbuild');
  for (const name of fs.readdirSync(functions)) {
    const target = path.join(dist, 'bundles', name);
    fs.rmSync(target, { recursive: true, force: true });
    buildSync({
      entryPoints: [path.join(dist, 'functions', name, 'index.js')],
      outfile: path.join(target, 'index.js'),
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      target: 'node24',
      minify: true,
      // Names in what the log shows of an error.
      keepNames: true,
      legalComments: 'none',
      // `pg` looks for it, and does without.
      external: ['pg-native', 'pg-cloudflare'],
      logLevel: 'warning',
    });
    const sql = path.join(root, 'postgres', 'audit', 'sql');
    for (const file of fs.readdirSync(sql).filter((one) => one.endsWith('.sql')))
      fs.copyFileSync(path.join(sql, file), path.join(target, file));
  }
}

/** A source that was deleted must not live on compiled. */
function removeOrphans(names) {
  const walk = (folder) => {
    for (const entry of fs.readdirSync(path.join(dist, folder), { withFileTypes: true })) {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) walk(name);
      else if (name.endsWith('.js') && !names.has(name.replace(/\.js$/, '.ts'))) fs.rmSync(path.join(dist, name));
    }
  };
  walk('');
}

function build() {
  return withBuildLock(compile);
}

/** False: it does not compile, and the compiler's messages were printed. */
function buildIfStale() {
  if (!isStale()) return true;
  process.stderr.write('The sources changed since the last build: building.\n');
  try {
    return withBuildLock(() => !isStale() || compile());
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(error.code)) throw error;
    process.stderr.write(
      `The build could not be written: ${getSystemErrorMap().get(error.errno)[1]} (${error.path}).\nRun \`npm run build\` as the owner of ${root}.\n`,
    );
    return false;
  }
}

module.exports = { build, buildIfStale };

if (require.main === module) process.exitCode = build() ? 0 : 1;
