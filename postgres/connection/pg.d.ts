/** The class alone, without the package's entry. */
declare module 'pg/lib/client' {
  import { Client } from 'pg';

  export default Client;
}
