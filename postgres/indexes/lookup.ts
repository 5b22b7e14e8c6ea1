import type { Client } from 'pg';

import type { Problem } from '../../system/errors';
import type { IndexSpec } from '../spec';
import { nearest } from '../tuning/nearest';
import type { QualifiedName } from './description';
import { methodOf, type ResolvedColumn } from './statement';

/**
 * `gist_trgm_ops(siglen = 32)` -> name and parameters. PostgreSQL's own grammar for the parameters of an operator class is a
 * list of name = value; quotes around a value are dropped.
 */
export function parseOpclass(text: string): { name: string; parameters: Record<string, string> } {
  const match = /^(.*?)\s*\(([^()]*)\)\s*$/s.exec(text);
  if (match === null) return { name: text.trim(), parameters: {} };
  const parameters: Record<string, string> = {};
  for (const part of (match[2] ?? '').split(',')) {
    const [name = '', value = ''] = part.split('=', 2).map((word) => word.trim());
    if (name !== '') parameters[name] = value.replaceAll(/^'|'$/g, '');
  }
  return { name: (match[1] ?? '').trim(), parameters };
}

interface CatalogName extends QualifiedName {
  /** The access method of an operator class; empty for a collation. */
  method: string;
}

/** Access methods, operator classes, collations and tablespaces the specs name, as the catalog has them. */
export interface Names {
  methods: string[];
  opclasses: CatalogName[];
  collations: CatalogName[];
  tablespaces: string[];
}

/** Two queries whatever the number of specs; with nothing but defaults, one. */
export async function readNames(client: Client, specs: readonly IndexSpec[]): Promise<Names> {
  const { rows } = await client.query<{ methods: string[]; tablespaces: string[] }>(
    `SELECT (SELECT array_agg(amname::text) FROM pg_am WHERE amtype = 'i') AS methods,
            (SELECT array_agg(spcname::text) FROM pg_tablespace) AS tablespaces`,
  );
  const names: Names = { methods: [], tablespaces: [], opclasses: [], collations: [], ...rows[0] };
  const columns = specs.flatMap((spec) => spec.columns);
  if (columns.every((column) => column.opclass === undefined && column.collation === undefined)) return names;
  const found = await client.query<CatalogName & { kind: 'opclass' | 'collation' }>(
    `SELECT 'opclass' AS kind, n.nspname AS schema, o.opcname AS name, am.amname AS method
       FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod
     UNION ALL
     SELECT 'collation', n.nspname, c.collname, '' FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
      WHERE c.collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))`,
  );
  names.opclasses = found.rows.filter((row) => row.kind === 'opclass');
  names.collations = found.rows.filter((row) => row.kind === 'collation');
  return names;
}

/** What each column's operator class and collation name is, with a problem for every one that does not exist. */
export function resolveColumns(spec: IndexSpec, names: Names): { columns: ResolvedColumn[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const method = methodOf(spec);
  if (!names.methods.includes(method)) {
    problems.push(
      unknown(
        spec,
        'method',
        method,
        nearest(method, names.methods),
        'a method of an extension needs that extension first',
      ),
    );
    return { columns: [], problems };
  }
  if (spec.tablespace !== undefined && !names.tablespaces.includes(spec.tablespace)) {
    const near = nearest(spec.tablespace, names.tablespaces);
    problems.push(unknown(spec, 'tablespace', spec.tablespace, near, 'CREATE TABLESPACE makes one'));
  }
  const opclasses = names.opclasses.filter((candidate) => candidate.method === method);
  const columns = spec.columns.map((column): ResolvedColumn => {
    const resolved: ResolvedColumn = { opclassParameters: {} };
    if (column.opclass !== undefined) {
      const { name, parameters } = parseOpclass(column.opclass);
      const opclass = pick(spec, `operator class for ${method}`, name, opclasses, problems);
      if (opclass !== undefined) resolved.opclass = opclass;
      resolved.opclassParameters = parameters;
    }
    if (column.collation !== undefined) {
      const collation = pick(spec, 'collation', column.collation, names.collations, problems);
      if (collation !== undefined) resolved.collation = collation;
    }
    return resolved;
  });
  return { columns, problems };
}

/** By plain or schema-qualified name; in pg_catalog, the table's schema, public, and last in the one other schema that has it. */
function pick(
  spec: IndexSpec,
  what: string,
  name: string,
  candidates: readonly CatalogName[],
  problems: Problem[],
): QualifiedName | undefined {
  const matches = candidates.filter((one) => one.name === name || `${one.schema}.${one.name}` === name);
  for (const schema of ['pg_catalog', spec.schema, 'public']) {
    const match = matches.find((one) => one.schema === schema);
    if (match !== undefined) return { schema: match.schema, name: match.name };
  }
  const [first, second] = matches;
  if (first === undefined) {
    const near = nearest(
      name,
      candidates.flatMap((one) => [one.name, `${one.schema}.${one.name}`]),
    );
    problems.push(
      unknown(spec, what, name, near, 'one of an extension needs that extension first (setting `extensions`)'),
    );
    return undefined;
  }
  if (second !== undefined) {
    problems.push({
      code: 'index-name-ambiguous',
      message: `Index ${spec.name}: ${what} ${name} exists in ${matches.map((one) => one.schema).join(' and ')}.`,
      remedy: `Write it with its schema: ${matches.map((one) => `${one.schema}.${one.name}`).join(' or ')}.`,
      object: `${spec.schema}.${spec.name}`,
    });
  }
  return { schema: first.schema, name: first.name };
}

function unknown(spec: IndexSpec, what: string, value: string, near: string | undefined, otherwise: string): Problem {
  const kind = what.split(' ')[0] ?? what;
  return {
    code: `index-${kind === 'operator' ? 'opclass' : kind}-unknown`,
    message: `Index ${spec.name} on ${spec.schema}.${spec.table}: there is no ${what} ${value} in this database.`,
    remedy:
      near === undefined ? `Correct the index’s settings; ${otherwise}.` : `Did you mean ${near}? Else ${otherwise}.`,
    object: `${spec.schema}.${spec.name}`,
  };
}
