import { closeSync, openSync, writeSync } from 'node:fs';

import type { Issue } from '../postgres/transfer/load/issues';
import { storageError } from '../system/storageError';
import { escapeJson } from './report/print';
import { besideReport } from './report/write';

/** Every value that did not fit, one JSON object a line; made when the first one comes, for its owner alone, since it quotes data. */
export class RejectFile {
  private handle: number | undefined;
  private lines: string[] = [];
  /** Undefined while nothing was written. */
  path: string | undefined;

  constructor(
    private readonly stackFolder: string,
    private readonly startedAt: Date,
  ) {}

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
        this.path = besideReport(this.stackFolder, 'transfer', this.startedAt, 'rejects.jsonl');
        this.handle = openSync(this.path, 'wx', 0o600);
      }
      writeSync(this.handle, this.lines.map((line) => `${line}\n`).join(''));
      this.lines = [];
    } catch (error) {
      throw storageError(this.path ?? this.stackFolder, error);
    }
  }
}
