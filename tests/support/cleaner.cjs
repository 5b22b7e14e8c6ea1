'use strict';
/**
 * Waits until the run that started it is over, also where that one was killed: its end of the pipe is closed then. Ends what still runs
 * in the run's folder (`node cleaner.cjs FOLDER`), servers first, and removes it.
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
  const { servers, elsewhere } = found();
  for (const pid of servers) signal(pid, 'SIGQUIT');
  const deadline = Date.now() + PATIENCE_MS;
  while (servers.some(isAlive) && Date.now() < deadline) await pause(20);
  for (const pid of [...servers, ...processesBelow()]) signal(pid, 'SIGKILL');
  for (const one of [folder, ...elsewhere]) fs.rmSync(one, { recursive: true, force: true, maxRetries: 5 });
}

/** Servers by the file that each has in its data directory, and data that a stack of this folder has elsewhere. */
function found() {
  const servers = [];
  const elsewhere = [];
  const open = [folder];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const entry of entriesOf(at)) {
      const name = path.join(at, entry.name);
      if (entry.isDirectory()) open.push(name);
      if (entry.name === 'postmaster.pid') servers.push(Number(textOf(name).split('\n')[0]));
      if (entry.name === LOCATION) {
        const home = path.dirname(path.resolve(locationOf(name)));
        if (!home.startsWith(SYSTEM_FOLDER)) continue;
        elsewhere.push(home);
        open.push(home);
      }
    }
  }
  return { servers: servers.filter((pid) => pid > 0 && isAlive(pid)), elsewhere };
}

function locationOf(file) {
  try {
    return JSON.parse(textOf(file)).dataDirectory;
  } catch {
    return folder;
  }
}

/** Others of the run, on systems that have /proc: command lines under way work in a folder of it. */
function processesBelow() {
  return entriesOf('/proc')
    .map(({ name }) => Number(name))
    .filter((pid) => {
      try {
        return pid !== process.pid && `${fs.readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`);
      } catch {
        return false;
      }
    });
}

function entriesOf(directory) {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function textOf(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !/^State:\s+[ZX]/m.test(textOf(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}
