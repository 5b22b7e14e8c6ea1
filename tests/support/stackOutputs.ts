import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';

import type { TestProject } from './project';

/** The environment of a stack whose state only Pulumi reads: a program of that name prints `outputs`, or fails as it would while NO_STACK is set. */
export function outputsByPulumi(project: TestProject, stack: string, outputs: object): NodeJS.ProcessEnv {
  mkdirSync(project.path('bin'), { recursive: true });
  writeFileSync(project.path('outputs.json'), JSON.stringify(outputs));
  writeFileSync(
    project.path('bin', 'pulumi'),
    `#!/bin/sh
[ "$*" = "stack output --json --non-interactive --stack ${stack}" ] || { echo "unexpected: $*" >&2; exit 1; }
[ -z "$NO_STACK" ] || { echo "error: no stack named '${stack}' found" >&2; exit 255; }
cat outputs.json
`,
  );
  chmodSync(project.path('bin', 'pulumi'), 0o755);
  return {
    PATH: [project.path('bin'), process.env['PATH']].join(delimiter),
    PULUMI_BACKEND_URL: 's3://state',
  };
}
