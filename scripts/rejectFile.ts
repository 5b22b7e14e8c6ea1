import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Issue } from '../postgres/transfer/load/issues';
import { storageError } from '../system/storageError';
import { escapeJson } from './report/print';

/** Every value that did not fit, one JSON object a line; made when the first one comes, for its owner alone, since it quotes data. */
export class RejectFile {
  private handle: number | undefined;
  private lines: string[] = [];
  private readonly file: string;

  constructor(folder: string, startedAt: Date) {
    this.file = join(folder, `transfer-${startedAt.toISOString().replace(/[:.]/g, '-')}.rejects.jsonl`);
  }

  /** Undefined while nothing was written. */
  get path(): string | undefined {
    return this.handle === undefined ? undefined : this.file;
  }

  write(issue: Issue): void {
    this.lines.push(escapeJson(JSON.stringify(issue)));
    if (this.handle === undefined || this.lines.length >= 1000) this.flush();
  }

  /** The path stays known. */
  close(): void {
    if (this.handle === undefined) return;
    this.flush();
    closeSync(this.handle);
  }

  private flush(): void {
    try {
      if (this.handle === undefined) {
        mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
        this.handle = openSync(this.file, 'wx', 0o600);
      }
      writeSync(this.handle, this.lines.map((line) => `${line}\n`).join(''));
      this.lines = [];
    } catch (error) {
      throw storageError(this.file, error);
    }
  }
}
