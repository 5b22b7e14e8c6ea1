/** What the platform decides itself, and where a user says it instead. */
export const DECIDED = {
  listen_addresses:
    'The server of a stack is reached as its environment defines; local and dev listen on loopback only.',
  port: 'Set coach:server.port (local) or coach:database.port.',
  data_directory: 'Set coach:server.dataDirectory.',
  config_file: 'The platform writes it.',
  hba_file: 'The platform writes it: scram-sha-256 for everybody.',
  ident_file: 'The platform does not use ident.',
  external_pid_file: 'The platform finds the server by its data directory.',
  unix_socket_directories: 'The server is reached over TCP.',
  unix_socket_group: 'The server is reached over TCP.',
  unix_socket_permissions: 'The server is reached over TCP.',
  password_encryption: 'Passwords are stored as scram-sha-256, the only kind the platform lets in.',
} as const;

export type DecidedParameter = keyof typeof DECIDED;

/** Why a parameter is not for the settings; undefined: it is. */
export function decidedReason(name: string): string | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(DECIDED, key) ? DECIDED[key as DecidedParameter] : undefined;
}
