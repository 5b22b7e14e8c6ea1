import { splitStatements, type Statement } from './statements';
import type { Powers } from './types';

/** A statement that the owner role, whom migrations run as, may not run, and what does its work instead. */
export interface Denied {
  /** As it is written in SQL: CREATE ROLE. */
  what: string;
  /** Why not, as the end of a sentence. */
  why: string;
  /** A setting, or the administrator's command. */
  remedy: string;
}

interface Kind {
  /** Of the statement as `normalized` writes it. */
  pattern: RegExp;
  what?: string;
  why: string;
  remedy: string;
  /** What decides before anything runs; without it only the server can tell. */
  unless?: (powers: Powers, name: string) => boolean;
}

const BY_HAND =
  'No setting does it: the administrator (`coach:database.adminUser`) does, with `npm run coachdb -- psql --role postgres`';
const SUPERUSER = 'only a superuser may';
const never = (): boolean => false;
const memberOf =
  (...roles: string[]) =>
  ({ memberOf: groups }: Powers): boolean =>
    roles.some((role) => groups.includes(role));
const bySuperuser = (pattern: RegExp): Kind => ({ pattern, why: SUPERUSER, remedy: BY_HAND, unless: never });

const ROLES =
  'The roles of the platform, their names, connection limits and memberships are `coach:roles`; any other role the administrator makes ' +
  '(`coach:database.adminUser`), with `npm run coachdb -- psql --role postgres`';
const PARAMETERS = 'Declare it in `coach:parameters`, which holds for the whole server';
const EXTENSIONS =
  'Declare the extension in `coach:extensions`, with its version and schema where they matter: `npm run up` installs, updates and moves it ' +
  'before migrations run (CREATE EXTENSION IF NOT EXISTS then finds it there)';
const SCHEMAS = 'Declare the schema with its owner and grants in `coach:schemas`';
const OWNER =
  'What migrations make belongs to `coach:roles.owner`; a schema of another role is declared in `coach:schemas`';

/** The first that fits counts. Privileges are those of PostgreSQL's manual, at each command. */
const KINDS: readonly Kind[] = [
  {
    pattern: /^create extension\b/,
    why: 'the extension is not a trusted one, and only a superuser may',
    remedy: EXTENSIONS,
    unless: ({ untrusted }, name) => !untrusted.includes(name),
  },
  {
    ...bySuperuser(/^create (?:or replace )?(?:trusted )?(?:procedural )?language\b.* handler\b/),
    what: 'CREATE LANGUAGE',
  },
  {
    pattern: /^create (?:or replace )?(?:trusted )?(?:procedural )?language\b/,
    what: 'CREATE LANGUAGE',
    why: 'the language’s extension is not a trusted one, and only a superuser may',
    remedy: EXTENSIONS,
    unless: ({ untrusted }, name) => !untrusted.includes(name),
  },
  {
    pattern: /^(?:comment on|alter|drop) extension\b/,
    why: 'the extension belongs to the administrator',
    remedy: `${EXTENSIONS}; a COMMENT is the administrator’s: \`npm run coachdb -- psql --role postgres\``,
    unless: ({ foreignExtensions }, name) => !foreignExtensions.includes(name),
  },
  {
    pattern: /^(?:create|drop) (?:role|user|group)\b(?! mapping)/,
    why: 'it takes CREATEROLE',
    remedy: ROLES,
    unless: ({ createRole }) => createRole,
  },
  { pattern: /^alter (?:role|user|group)\b(?! mapping)/, why: 'it takes CREATEROLE', remedy: ROLES },
  { pattern: /^(?:grant|revoke)\b(?!.* on )/, why: 'it takes the ADMIN option of the role', remedy: ROLES },
  { pattern: /^alter system\b/, why: SUPERUSER, remedy: PARAMETERS, unless: never },
  {
    pattern: /^alter database\b.* (?:set|reset) (?!tablespace\b)/,
    what: 'ALTER DATABASE ... SET',
    why: 'the database belongs to the administrator',
    remedy: PARAMETERS,
    unless: ({ ownsDatabase }) => ownsDatabase,
  },
  {
    pattern: /^alter database\b.* rename to\b/,
    what: 'ALTER DATABASE ... RENAME TO',
    why: 'the database belongs to the administrator',
    remedy: 'Set `coach:database.name`: `npm run up` renames the database',
    unless: ({ ownsDatabase }) => ownsDatabase,
  },
  {
    pattern: /^(?:alter|comment on) database\b/,
    why: 'the database belongs to the administrator',
    remedy: BY_HAND,
    unless: ({ ownsDatabase }) => ownsDatabase,
  },
  {
    pattern: /^create database\b/,
    why: 'it takes CREATEDB',
    remedy: `The stack’s database is \`coach:database.name\`. ${BY_HAND} for another`,
    unless: ({ createDatabase }) => createDatabase,
  },
  bySuperuser(/^create event trigger\b/),
  {
    pattern: /^copy .* (?:from|to) (?:program )?'/,
    what: 'COPY with a file or program of the server',
    why: 'only a superuser or a member of pg_read_server_files, pg_write_server_files or pg_execute_server_program may',
    remedy: `Write the rows as INSERT. ${BY_HAND}`,
    unless: memberOf('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'),
  },
  {
    pattern: /^create subscription\b/,
    why: 'only a superuser or a member of pg_create_subscription may',
    remedy: BY_HAND,
    unless: memberOf('pg_create_subscription'),
  },
  { ...bySuperuser(/^create publication\b.* for (?:all|tables in)\b/), what: 'CREATE PUBLICATION of whole schemas' },
  bySuperuser(/^create access method\b/),
  bySuperuser(/^create foreign data wrapper\b/),
  bySuperuser(/^create tablespace\b/),
  bySuperuser(/^create operator (?:class|family)\b/),
  bySuperuser(/^create text search (?:parser|template)\b/),
  {
    ...bySuperuser(
      /^create (?:or replace )?(?:function|procedure)\b.* language (?:c|internal|plperlu|plpython3u|pltclu)\b/,
    ),
    what: 'a function in an untrusted language',
  },
  {
    pattern: /^create schema\b.* authorization\b/,
    what: 'CREATE SCHEMA ... AUTHORIZATION',
    why: 'the owner role is no member of that role',
    remedy: SCHEMAS,
  },
  {
    pattern: /^alter default privileges\b/,
    why: 'the owner role is no member of the role it is for',
    remedy: 'What later objects grant is `coach:schemas[].grants`',
  },
  {
    pattern: /^alter\b.* owner to\b/,
    what: 'OWNER TO',
    why: 'the owner role is no member of the new owner, or does not own the object',
    remedy: OWNER,
  },
  { pattern: /^(?:alter|drop|comment on) schema\b/, why: 'the schema belongs to another role', remedy: SCHEMAS },
  {
    pattern: /^(?:set|reset)\b.* (?:role|session authorization)\b/,
    what: 'SET ROLE',
    why: 'migrations run as the owner role alone',
    remedy: OWNER,
  },
  { pattern: /^(?:set|reset)\b/, what: 'SET', why: 'only a superuser may set this parameter', remedy: PARAMETERS },
  {
    pattern: /^alter table\b.* (?:disable|enable) trigger\b/,
    what: 'DISABLE TRIGGER',
    why: 'triggers of foreign keys and of the audit trail are not the owner’s to switch',
    remedy: `DISABLE TRIGGER USER leaves the foreign keys alone. ${BY_HAND}`,
  },
  {
    pattern:
      /^(?:create|alter|drop) (?:server|user mapping|subscription|event trigger|tablespace|database|foreign data wrapper)\b/,
    why: 'it belongs to the administrator, or needs what the administrator grants',
    remedy: BY_HAND,
  },
  { pattern: /^(?:reassign|drop) owned\b/, why: 'the owner role is no member of the role named', remedy: BY_HAND },
  { pattern: /^(?:security label|load|checkpoint)\b/, why: 'it is the administrator’s', remedy: BY_HAND },
];

/** What the server will refuse for the rights of whoever migrates, as far as that is certain before it runs. */
export function deniedBefore(sql: string, statement: Statement, powers: Powers): Denied | undefined {
  if (powers.superuser || statement.tokens.length === 0) return undefined;
  const text = normalized(sql, statement);
  const kind = KINDS.find(({ pattern }) => pattern.test(text));
  if (kind?.unless === undefined || kind.unless(powers, nameIn(sql, statement))) return undefined;
  return named(kind, text);
}

/** What the server refused (42501). `context`: the error's, which quotes the statement of a DO block or function that failed. */
export function deniedAfter(sql: string, context: string | undefined): Denied | undefined {
  const inner = /"([^]*?)"\nPL\/pgSQL/.exec(context ?? '')?.[1];
  const failed = inner ?? sql;
  const [statement] = splitStatements(failed);
  if (statement === undefined) return undefined;
  const text = normalized(failed, statement);
  const kind = KINDS.find(({ pattern }) => pattern.test(text));
  return kind === undefined ? undefined : named(kind, text);
}

function named({ pattern, what, why, remedy }: Kind, text: string): Denied {
  return { what: what ?? (pattern.exec(text)?.[0] ?? '').toUpperCase(), why, remedy };
}

/** Words in lower case; for names and texts in quotes the quote alone. Long lists decide nothing. */
function normalized(sql: string, { tokens }: Statement): string {
  const shown = tokens.length > 200 ? [...tokens.slice(0, 100), ...tokens.slice(-100)] : tokens;
  return shown
    .map(({ kind, text, start }) => (kind === 'word' || kind === 'symbol' ? text : sql.charAt(start)))
    .join(' ');
}

const BEFORE_NAME = new Set(
  'create alter drop comment on or replace trusted procedural extension language if not exists'.split(' '),
);

/** Of the extension or language that the statement is about. */
function nameIn(sql: string, { tokens }: Statement): string {
  const token = tokens.find(({ kind, text }) => kind !== 'word' || !BEFORE_NAME.has(text));
  if (token === undefined) return '';
  return token.kind === 'word' ? token.text : sql.slice(token.start + 1, token.end - 1);
}
