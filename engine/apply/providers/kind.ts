import type { Client } from 'pg';

import type { ConnectionTarget } from '../../../postgres/spec';
import type { Properties } from '../provider';
import type { Attributes } from './attributes';

/** What a stand-in works with: one connection for each database, kept for the run. */
export interface Session {
  /** The provider's own database. */
  readonly database: string;
  /** The account may read stored password verifiers. */
  readonly isSuperuser: boolean;
  /** A connection to the provider's own database, or the named one; opened again when it was lost. */
  client(database?: string): Promise<Client>;
  /** The same, or undefined when there is no such database. */
  clientIfExists(database: string): Promise<Client | undefined>;
  /** Closes what is open to a database, so that it can be dropped or renamed. */
  release(database: string): Promise<void>;
  /** The target with another user, to try a login. */
  targetOf(user: string, password: string): ConnectionTarget;
}

/** One resource type of the postgresql provider. Properties have the provider's names and shapes. */
export interface Kind {
  attributes: Attributes;
  /** A replacement has to wait for the old one to be gone: both mean the same thing in the database. */
  deleteBeforeReplace?: true;
  /** What is wrong with inputs that have the right types, by property; unknown ones are not among them. */
  problems(inputs: Properties): { property: string; reason: string }[];
  id(properties: Properties): string;
  /** See `ResourceProvider.adopts`. */
  adopts?(session: Session, wanted: Properties): Promise<{ note: string; inputs: Properties } | undefined>;
  /**
   * Makes it so, whether or not it exists: after a crash between the SQL and the state, the next run adopts what is there.
   * `olds` are the outputs of the resource that is changed. It may be run again when a connection is lost.
   */
  ensure(session: Session, wanted: Properties, olds?: Properties): Promise<void>;
  /** Its properties as they are now, or undefined when it is gone. `known` are stored outputs (or wanted inputs), `inputs` what was declared. */
  read(session: Session, known: Properties, inputs: Properties): Promise<Properties | undefined>;
  remove(session: Session, known: Properties): Promise<void>;
}
