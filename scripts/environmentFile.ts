import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * Sets variables in a `.env` file and leaves every other line as it is: comments, order, other variables. The file appears whole
 * and with mode 0600. Returns the names whose value changed.
 */
export function mergeEnvironmentFile(path: string, variables: Readonly<Record<string, string>>): string[] {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const newline = before.includes('\r\n') ? '\r\n' : '\n';
  const lines = before === '' ? [] : before.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const changed: string[] = [];
  for (const [name, value] of Object.entries(variables)) {
    const line = `${name}=${quote(value)}`;
    // dotenv takes the last assignment of a name.
    const at = lines.findLastIndex((existing) => assigns(existing, name));
    if (at >= 0 && lines[at] === line) continue;
    changed.push(name);
    if (at >= 0) lines[at] = line;
    else lines.push(line);
  }
  if (changed.length > 0) {
    const temporary = `${path}.${process.pid}.new`;
    writeFileSync(temporary, `${lines.join(newline)}${newline}`, { mode: 0o600 });
    renameSync(temporary, path);
  }
  chmodSync(path, 0o600);
  return changed;
}

function assigns(line: string, name: string): boolean {
  const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line);
  return match?.[1] === name;
}

/** Double quotes, as dotenv reads them; a dollar sign is escaped for tools that expand variables. */
function quote(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '\\$').replaceAll('\n', '\\n')}"`;
}
