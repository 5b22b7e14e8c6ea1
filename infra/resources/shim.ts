import * as pulumi from '@pulumi/pulumi';

import type { Asked } from './handler';

/**
 * The text Pulumi stores with every one of our resources and runs for it, also for deleting and refreshing what an older
 * checkout declared. So it holds nothing but where the handler is: module path and export name are frozen, and logic never
 * stands here. It is written by hand, since serialising a closure would load the TypeScript compiler into every run.
 */
function shim(module: string, exportName: string): string {
  return `exports.handler = function () {
  const fs = require("fs");
  const path = require("path");
  let folder = process.cwd();
  while (!fs.existsSync(path.join(folder, "Pulumi.yaml"))) {
    if (path.dirname(folder) === folder) {
      throw new Error("No Pulumi.yaml above " + process.cwd() + ": run from the project's folder.");
    }
    folder = path.dirname(folder);
  }
  return require(path.join(folder, ${JSON.stringify(module)}))[${JSON.stringify(exportName)}];
};
`;
}

/** Frozen: the checkpoint's own shims name these. Add, never change. */
const HANDLERS = {
  Server: shim('dist/infra/resources/handlers/server.js', 'server'),
  Migrations: shim('dist/infra/resources/handlers/migrations.js', 'migrations'),
  Index: shim('dist/infra/resources/handlers/databaseIndex.js', 'databaseIndex'),
  Schemas: shim('dist/infra/resources/handlers/schemas.js', 'schemas'),
  LoginSettings: shim('dist/infra/resources/handlers/loginSettings.js', 'loginSettings'),
  Privileges: shim('dist/infra/resources/handlers/privileges.js', 'privileges'),
  AuditTrail: shim('dist/infra/resources/handlers/auditTrail.js', 'auditTrail'),
} as const;

export type HandledType = keyof typeof HANDLERS;

/**
 * A resource whose create, read, update and delete are ours; Pulumi's own dynamic-provider process runs them. Type tokens
 * read `pulumi-nodejs:dynamic/coach:Index` and never change without aliases. `outputs` names what only the handler knows; `stack` is for
 * the commands that its errors name (handlers/failure.ts).
 */
export abstract class HandledResource extends pulumi.CustomResource {
  protected constructor(
    type: HandledType,
    name: string,
    inputs: pulumi.Inputs,
    outputs: readonly string[],
    options: pulumi.CustomResourceOptions,
  ) {
    const unknown = Object.fromEntries(outputs.map((output) => [output, undefined]));
    const asked: Asked = pulumi.runtime.isDryRun() ? { __preview: true } : {};
    const declared = { ...inputs, ...asked, stack: pulumi.getStack(), __provider: HANDLERS[type] };
    super(`pulumi-nodejs:dynamic/coach:${type}`, name, { ...unknown, ...declared }, options);
  }
}
