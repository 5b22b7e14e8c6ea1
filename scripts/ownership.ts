import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What the command line, its build and the tools it starts write below the project. */
const PATHS = ['dist', '.coachdb', '.build.lock', 'app/generated', 'node_modules/.cache'];

/** Root at work in somebody's checkout (sudo) leaves nothing that its owner can no longer change. The server's own data stay its account's. */
export function giveToOwner(root: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(root);
  if (uid === 0) return;
  for (const path of PATHS) give(join(root, path), uid, gid);
}

function give(path: string, uid: number, gid: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.uid !== 0 && found.uid !== uid)) return;
  if (found.uid === 0) lchownSync(path, uid, gid);
  if (found.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), uid, gid);
}
