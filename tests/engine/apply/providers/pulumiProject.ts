import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Properties } from '../../../../engine/apply/provider';
import { PULUMI } from '../../../support/pulumi';

export interface Declared {
  type: string;
  name: string;
  /** As the program gives them. */
  inputs: Properties;
}

export interface Stored extends Declared {
  id: string;
  outputs: Properties;
}

const STACK = 'dev';
const PROJECT = 'stand-ins';
/** Pulumi's marker of a secret in a deployment. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  Role: ['password', 'passwordWo'],
  RandomPassword: ['result', 'bcryptHash'],
};

/** A Pulumi project of its own over declared resources, one after the other, with a file backend. */
export class PulumiProject {
  private readonly root = mkdtempSync(join(tmpdir(), 'coach-standins-'));

  constructor(
    private readonly server: Properties,
    declared: readonly Declared[],
  ) {
    mkdirSync(join(this.root, 'state'));
    symlinkSync(join(__dirname, '../../../../node_modules'), join(this.root, 'node_modules'));
    const runtime = 'runtime: { name: nodejs, options: { typescript: false } }';
    writeFileSync(join(this.root, 'Pulumi.yaml'), `name: ${PROJECT}\n${runtime}\nmain: index.js\n`);
    writeFileSync(join(this.root, 'package.json'), '{ "name": "stand-ins", "main": "index.js" }\n');
    writeFileSync(join(this.root, 'index.js'), PROGRAM);
    this.declare(declared);
  }

  declare(resources: readonly Declared[]): void {
    writeFileSync(join(this.root, 'program.json'), JSON.stringify({ server: this.server, resources }));
  }

  /** Runs `pulumi` and gives its output; throws with it when the exit code is not 0. */
  run(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${join(this.root, 'state')}`,
        PULUMI_CONFIG_PASSPHRASE: 'test',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
      };
      execFile(PULUMI ?? '', [...args, '--non-interactive'], { cwd: this.root, env }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`pulumi ${args.join(' ')}: ${stdout}${stderr}`));
      });
    });
  }

  async export(): Promise<Stored[]> {
    const text = await this.run('stack', 'export', '--show-secrets', '--stack', STACK);
    const { deployment } = JSON.parse(text) as { deployment: { resources?: RawResource[] } };
    return (deployment.resources ?? [])
      .filter(({ type }) => !type.startsWith('pulumi:'))
      .map(({ type, urn, id, inputs, outputs }) => ({
        type,
        name: urn.split('::').at(-1) ?? '',
        id: id ?? '',
        inputs: plain(inputs) as Properties,
        outputs: plain(outputs) as Properties,
      }));
  }

  /** Puts these resources into the state in place of those of the same names; the rest of it was Pulumi's. */
  async import(stored: readonly Stored[]): Promise<void> {
    const text = await this.run('stack', 'export', '--stack', STACK);
    const state = JSON.parse(text) as { deployment: { resources: RawResource[] } };
    for (const { type, name, id, inputs, outputs } of stored) {
      const resource = state.deployment.resources.find(({ urn }) => urn.endsWith(`${type}::${name}`));
      if (resource === undefined) throw new Error(`The state has no ${name}.`);
      Object.assign(resource, { id, inputs: marked(type, inputs), outputs: marked(type, outputs) });
    }
    const file = join(this.root, 'import.json');
    writeFileSync(file, JSON.stringify(state));
    await this.run('stack', 'import', '--stack', STACK, '--file', file);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

interface RawResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: unknown;
  outputs?: unknown;
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET) return JSON.parse(String(object['plaintext'])) as unknown;
  return Object.fromEntries(Object.entries(object).map(([key, entry]) => [key, plain(entry)]));
}

function marked(type: string, properties: Properties): Record<string, unknown> {
  const secrets = SECRETS[type.split(':').at(-1) ?? ''] ?? [];
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      secrets.includes(key) ? { [SIGNATURE]: SECRET, plaintext: JSON.stringify(value) } : value,
    ]),
  );
}

/** Every resource depends on the one before. */
const PROGRAM = `
const { readFileSync } = require('node:fs');
const packages = { postgresql: require('@pulumi/postgresql'), random: require('@pulumi/random') };
const { server, resources } = JSON.parse(readFileSync(__dirname + '/program.json', 'utf8'));
const provider = new packages.postgresql.Provider('server', server);
let previous;
for (const { type, name, inputs } of resources) {
  const [package_, , className] = type.split(':');
  const options = { dependsOn: previous === undefined ? [] : [previous] };
  previous = new packages[package_][className](name, inputs, package_ === 'random' ? options : { ...options, provider });
}
`;
