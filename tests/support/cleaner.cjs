'use strict';
/**
 * Waits until the run that started it is over, also where that one was killed: its end of the pipe is closed then. Ends what still works in
 * the run's folder (`node cleaner.cjs FOLDER`), servers at once and without a checkpoint, and removes it. Where there is no /proc to find
 * processes by, it only removes.
 */
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

const folder = fs.realpathSync(process.argv[2]);
/** Where root's servers have their data when their account cannot enter the project, and the file there that says so. */
const SYSTEM_FOLDER = '/var/lib/coachdb/';
const LOCATION = 'location.json';
/** How long servers may take to end at once. */
const PATIENCE_MS = 5000;

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.stdin.resume();
process.stdin.once('end', () => void clean());

async function clean() {
  const folders = [folder, ...relocated()];
  const deadline = Date.now() + PATIENCE_MS;
  signalAll('SIGQUIT', folders);
  while (processesIn(folders).length > 0 && Date.now() < deadline) await pause(20);
  signalAll('SIGKILL', folders);
  for (const one of folders) fs.rmSync(one, { recursive: true, force: true, maxRetries: 5 });
}

/** Folders with data that a stack of the run has elsewhere. */
function relocated() {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name === LOCATION)
    .map(({ name, parentPath }) => {
      const { dataDirectory } = JSON.parse(fs.readFileSync(path.join(parentPath, name), 'utf8'));
      return path.dirname(path.resolve(dataDirectory));
    })
    .filter((home) => home.startsWith(SYSTEM_FOLDER));
}

/** By the folder they work in, which of a server is its data directory. One that has ended and was not collected has none. */
function processesIn(folders) {
  return (fs.existsSync('/proc') ? fs.readdirSync('/proc') : []).map(Number).filter((pid) => {
    try {
      const directory = `${fs.readlinkSync(`/proc/${pid}/cwd`)}/`;
      return folders.some((one) => directory.startsWith(`${one}/`));
    } catch {
      return false;
    }
  });
}

function signalAll(name, folders) {
  for (const pid of processesIn(folders)) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended by itself.
    }
  }
}
