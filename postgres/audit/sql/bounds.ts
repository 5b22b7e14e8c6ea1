import { literal, USER_SETTING } from '../names';

/*
 * What of a row is recorded as it is. A row of a few kilobytes may be a gigabyte as text (`1e131071` takes eight bytes), or nested too deep to
 * be read back, and the trail has to be dumped, sealed and read whatever an application wrote. weigh.sql and bounded.sql do it; docs/audit.md has the limits.
 */

/** A row whose JSON takes no more bytes is not looked at: its text is 22 MB at most, its nesting 256. A part of a key that takes more is replaced. */
export const UNCHECKED = 2048;
/** Bytes of app.current_user_id. */
export const LONGEST_USER = 1000;

/** What stands in the place of a text that is too large; function calls alone, for no operator bears its schema. */
export function largeText(text: string): string {
  const bytes = `pg_catalog.octet_length(${text})`;
  const hash = `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8')), 'hex')`;
  return `pg_catalog.format('[too large: %s bytes, sha256 %s]', ${bytes}, ${hash})`;
}

/** The application's user, for functions whose names are looked up in pg_catalog alone. */
export const userSql = (): string => {
  const given = `current_setting(${literal(USER_SETTING)}, true)`;
  return `CASE WHEN octet_length(${given}) > ${LONGEST_USER} THEN ${largeText(given)} ELSE nullif(${given}, '') END`;
};
