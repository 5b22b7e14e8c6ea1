import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';

import type { TestProject } from '../support/project';
import { PULUMI, PULUMI_ENVIRONMENT } from '../support/pulumi';

export interface Typed {
  code: number;
  text: string;
}

/** `npm run pulumi -- ARGUMENTS`. */
export async function typedThroughNpm(project: TestProject, ...args: string[]): Promise<Typed> {
  const { code, stdout, stderr } = await project.run(['pulumi', ...args, '--non-interactive'], PULUMI_ENVIRONMENT);
  return { code: code ?? -1, text: `${stdout}${stderr}` };
}

/** `pulumi ARGUMENTS` in the project's folder, for the local stack. */
export function typed(project: TestProject, ...args: string[]): Promise<Typed> {
  const env = {
    ...process.env,
    ...PULUMI_ENVIRONMENT,
    PATH: `${dirname(PULUMI ?? '')}:${process.env['PATH'] ?? ''}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: project.path('.coachdb', 'passphrase'),
    PULUMI_STACK: 'local',
  };
  return new Promise((resolve) => {
    execFile(PULUMI ?? '', [...args, '--non-interactive'], { cwd: project.root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: `${stdout}${stderr}` });
    });
  });
}

/** Somebody else on a port, with what was sent there. */
export interface Stranger {
  heard: () => number;
  leave: () => void;
}

export function listening(port: number): Promise<Stranger> {
  return new Promise((resolve, reject) => {
    let connections = 0;
    const server: Server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({ heard: () => connections, leave: () => void server.close() }));
  });
}
