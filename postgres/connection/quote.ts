/** The only file that quotes. Everything else passes values as parameters. */

/** `Student` -> `"Student"`. Throws on NUL, which PostgreSQL cannot store. */
export function quoteIdentifier(name: string): string {
  if (name.includes('\0')) throw new RangeError(`An identifier cannot contain NUL: ${JSON.stringify(name)}`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** `public`, `Student` -> `"public"."Student"`. */
export function qualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** An SQL string literal, whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new RangeError('An SQL literal cannot contain NUL.');
  const doubled = value.replaceAll("'", "''");
  return doubled.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}
