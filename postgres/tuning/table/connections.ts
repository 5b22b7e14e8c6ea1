import { bool, choice, INT, integer, list, type ParameterSpec, size, text } from '../parameter';

/** Connections, authentication, TLS and file locations. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const connectionParameters: readonly ParameterSpec[] = [
  // Connections and Authentication / Authentication
  size('authentication_timeout', 'sighup', 's', 1, 600),
  bool('db_user_namespace', 'sighup', { until: 16 }),
  bool('krb_caseins_users', 'sighup'),
  text('krb_server_keyfile', 'sighup'),
  choice('password_encryption', 'user', 'md5|scram-sha-256'),
  bool('gss_accept_delegation', 'sighup', { since: 16 }),
  integer('scram_iterations', 'user', 1, INT, { since: 16 }),
  bool('md5_password_warnings', 'user', { since: 18 }),
  list('oauth_validator_libraries', 'sighup', { since: 18 }),
  // Connections and Authentication / Connection Settings
  bool('bonjour', 'postmaster'),
  text('bonjour_name', 'postmaster'),
  list('listen_addresses', 'postmaster'),
  integer('max_connections', 'postmaster', 1, 262_143),
  integer('port', 'postmaster', 1, 65_535),
  integer('superuser_reserved_connections', 'postmaster', 0, 262_143),
  list('unix_socket_directories', 'postmaster'),
  text('unix_socket_group', 'postmaster'),
  integer('unix_socket_permissions', 'postmaster', 0, 511),
  integer('reserved_connections', 'postmaster', 0, 262_143, { since: 16 }),
  // Connections and Authentication / SSL
  bool('ssl', 'sighup'),
  text('ssl_ca_file', 'sighup'),
  text('ssl_cert_file', 'sighup'),
  text('ssl_ciphers', 'sighup'),
  text('ssl_crl_dir', 'sighup'),
  text('ssl_crl_file', 'sighup'),
  text('ssl_dh_params_file', 'sighup'),
  text('ssl_ecdh_curve', 'sighup', { until: 17 }),
  text('ssl_key_file', 'sighup'),
  choice('ssl_max_protocol_version', 'sighup', '|TLSv1|TLSv1.1|TLSv1.2|TLSv1.3'),
  choice('ssl_min_protocol_version', 'sighup', 'TLSv1|TLSv1.1|TLSv1.2|TLSv1.3'),
  text('ssl_passphrase_command', 'sighup'),
  bool('ssl_passphrase_command_supports_reload', 'sighup'),
  bool('ssl_prefer_server_ciphers', 'sighup'),
  text('ssl_groups', 'sighup', { since: 18 }),
  text('ssl_tls13_ciphers', 'sighup', { since: 18 }),
  // Connections and Authentication / TCP Settings
  size('client_connection_check_interval', 'user', 'ms', 0, INT),
  integer('tcp_keepalives_count', 'user', 0, INT),
  size('tcp_keepalives_idle', 'user', 's', 0, INT),
  size('tcp_keepalives_interval', 'user', 's', 0, INT),
  size('tcp_user_timeout', 'user', 'ms', 0, INT),
  // File Locations
  text('data_directory', 'postmaster'),
  text('external_pid_file', 'postmaster'),
  text('hba_file', 'postmaster'),
  text('ident_file', 'postmaster'),
];
