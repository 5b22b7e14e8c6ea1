import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { backendPaths } from '../../engine/state/backend';
import { Crypter } from '../../engine/state/passphrase';
import { OWNER_FILE } from '../../postgres/server/ownership';
import { TestProject } from './project';

const run = promisify(execFile);

/** The folder in which the run's template is noted, in the environment that its workers inherit. */
const TEMPLATE = 'COACH_TEST_TEMPLATE';

/** For the run's set-up: where the first test that needs it leaves the template. */
export function prepareTemplate(): void {
  process.env[TEMPLATE] = mkdtempSync(join(tmpdir(), 'coach-template-'));
}

/**
 * A project whose local stack is up, as its own `coachdb up` would have left it: the copy of a template that was brought up once in this run,
 * with a port and an owner of its own. Tests of the first `up` itself bring theirs up.
 */
export async function deployedProject(prefix?: string): Promise<TestProject> {
  const template = await deployedTemplate();
  const project = new TestProject(prefix);
  const { port } = project;
  await run('cp', ['-a', '--reflink=auto', `${template}/.coachdb/.`, project.path('.coachdb')]);
  const templatePort = project.port;
  writeFileSync(project.path('.coachdb', 'local', 'port'), `${port}\n`);
  replace(project.path('.coachdb', 'local', 'data', 'postgresql.conf'), String(templatePort), String(port));
  await movePort(project, templatePort, port);
  own(project);
  await succeed(project, ['restart', '--yes']);
  return project;
}

/** The folder of the template; the first caller of the run makes it, the others wait for it. */
async function deployedTemplate(): Promise<string> {
  const folder = process.env[TEMPLATE];
  if (folder === undefined) throw new Error('The run has no template: its set-up did not prepare one.');
  for (;;) {
    const root = rootIn(folder);
    if (root !== undefined) return root;
    if (!claim(join(folder, 'claimed'))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const project = new TestProject('coach-template-stack-');
    try {
      await succeed(project, ['up', '--yes', '--engine', 'embedded']);
      await succeed(project, ['stop', '--yes']);
      writeFileSync(join(folder, 'root'), project.root);
    } catch (error) {
      rmSync(join(folder, 'claimed'), { recursive: true });
      await project.remove();
      throw error;
    }
  }
}

function rootIn(folder: string): string | undefined {
  return existsSync(join(folder, 'root')) ? readFileSync(join(folder, 'root'), 'utf8') || undefined : undefined;
}

function claim(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

async function succeed(project: TestProject, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await project.run(args);
  if (code !== 0) throw new Error(`coachdb ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
}

/** In the state's plain values and in its secrets, which hold connection strings. */
async function movePort(project: TestProject, from: number, to: number): Promise<void> {
  const { checkpoint } = backendPaths(project.path('.coachdb', 'state'), 'coach', 'local');
  const text = readFileSync(checkpoint, 'utf8');
  const salt = /"salt":"([^"]+)"/.exec(text)?.[1];
  if (salt === undefined) throw new Error('The template has no salt.');
  const passphrase = readFileSync(project.path('.coachdb', 'passphrase'), 'utf8').trim();
  const crypter = await Crypter.open(passphrase, salt, 'the template');
  const moved = text
    .replaceAll(new RegExp(`("port":"?)${from}\\b`, 'g'), `$1${to}`)
    .replaceAll(/"ciphertext":"([^"]+)"/g, (whole, ciphertext: string) => {
      const plaintext = crypter.decrypt(ciphertext, ciphertext);
      if (!plaintext.includes(`:${from}/`)) return whole;
      return `"ciphertext":"${crypter.encrypt(plaintext.replaceAll(`:${from}/`, `:${to}/`), ciphertext)}"`;
    });
  writeFileSync(checkpoint, moved);
}

/** The data was not copied along, as the file says of it, but made here. */
function own(project: TestProject): void {
  const folder = project.path('.coachdb', 'local');
  const { dev, ino } = statSync(folder, { bigint: true });
  const owner = { folder, device: String(dev), inode: String(ino) };
  writeFileSync(join(folder, 'data', OWNER_FILE), `${JSON.stringify(owner, undefined, 2)}\n`);
}

function replace(file: string, from: string, to: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to));
}
