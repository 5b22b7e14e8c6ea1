/** The only file that quotes, with `pg`'s own functions. Everything else passes values as parameters. */
import { escapeIdentifier, escapeLiteral } from 'pg/lib/utils';

/** `Student` -> `"Student"`. Throws on NUL, which PostgreSQL cannot store. */
export function quoteIdentifier(name: string): string {
  return escapeIdentifier(withoutNul(name));
}

/** `public`, `Student` -> `"public"."Student"`. */
export function qualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** An SQL string literal, whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  return escapeLiteral(withoutNul(value));
}

/** The pseudo-role of everybody. No role can have that name, but one can be called `Public`. */
export const PUBLIC = 'public';

export function grantee(role: string): string {
  return role === PUBLIC ? 'PUBLIC' : quoteIdentifier(role);
}

function withoutNul(text: string): string {
  if (text.includes('\0'))
    throw new RangeError(`An identifier or a literal cannot contain NUL: ${JSON.stringify(text)}`);
  return text;
}
