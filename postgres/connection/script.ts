import type { Client, Connection } from 'pg';

/** What pg's types lack of its connection. */
interface CopyIn {
  sendCopyFail(message: string): void;
}

/**
 * Sends a text of any number of statements as one message (PostgreSQL's simple query), as Prisma does: it is read as a whole before any of it
 * runs, and outside a transaction block it is one transaction. `onStatement` is called with the number of statements done so far,
 * first with 0; rows that they return are dropped. Rejects with the server's error.
 */
export function runScript(client: Client, text: string, onStatement: (done: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const ignore = (): void => undefined;
    const query = {
      submit: (wire: Connection): void => {
        onStatement(0);
        wire.query(text);
      },
      handleCommandComplete: (): void => {
        done += 1;
        onStatement(done);
      },
      handleReadyForQuery: (): void => resolve(),
      handleError: (error: Error): void => reject(error),
      handleCopyInResponse: (wire: CopyIn): void => wire.sendCopyFail('there is no data for COPY FROM STDIN here'),
      handleRowDescription: ignore,
      handleDataRow: ignore,
      handleEmptyQuery: ignore,
      handleCopyData: ignore,
    };
    client.query(query);
  });
}
