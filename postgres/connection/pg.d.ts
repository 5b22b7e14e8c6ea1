/** The class alone, without the package's entry. */
declare module 'pg/lib/client' {
  import { Client } from 'pg';

  export default Client;
}

declare module 'pg/lib/utils' {
  export { escapeIdentifier, escapeLiteral } from 'pg';
}
