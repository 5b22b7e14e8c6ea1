import type { Client } from 'pg';

/** A database as PostgreSQL has it. */
export interface DatabaseState {
  name: string;
  owner: string;
  encoding: string;
  lcCollate: string;
  lcCtype: string;
  tablespaceName: string;
  /** -1: no limit. */
  connectionLimit: number;
  allowConnections: boolean;
  isTemplate: boolean;
}

/** What is declared of a database; what is left out is the server's choice when it is made, and never changed later. */
export interface DatabaseAttributes {
  name: string;
  owner?: string;
  encoding?: string;
  lcCollate?: string;
  lcCtype?: string;
  /** What it is copied from. Default template0, the only one that allows another encoding or locale. */
  template?: string;
  connectionLimit: number;
  allowConnections: boolean;
  isTemplate?: boolean;
}

/** What a database of ours is made with: everything in it sorts by code points, whatever the server was initialised with. */
export const NEW_DATABASE = {
  encoding: 'UTF8',
  lcCollate: 'C.UTF-8',
  lcCtype: 'C.UTF-8',
  template: 'template0',
} as const;

const READ = `
  SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner, pg_catalog.pg_encoding_to_char(encoding) AS encoding,
         datcollate AS "lcCollate", datctype AS "lcCtype", spcname AS "tablespaceName", datconnlimit AS "connectionLimit",
         datallowconn AS "allowConnections", datistemplate AS "isTemplate"
  FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE datname = $1`;

export async function readDatabase(client: Client, name: string): Promise<DatabaseState | undefined> {
  const { rows } = await client.query<DatabaseState>(READ, [name]);
  return rows[0];
}

/** `C.UTF-8` is `C.utf8`, and `UTF8` is `utf-8`: the parts that operating systems and PostgreSQL spell differently. */
export function sameSpelling(a: string, b: string): boolean {
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  return fold(a) === fold(b);
}
