/** Words that PostgreSQL reads as something else where a role is named. */
const WORDS = ['public', 'none', 'current_user', 'session_user', 'current_role'];

/** PostgreSQL's and Amazon RDS's own roles, and words that cannot name one. */
export const isReservedRole = (name: string): boolean => /^(pg_|rds_|rdsadmin)/.test(name) || WORDS.includes(name);

export const RESERVED_NAMES = `names that begin with pg_, and ${WORDS.join(', ')}`;

export const isReservedSchema = (name: string): boolean => /^(pg_|information_schema$)/.test(name);
