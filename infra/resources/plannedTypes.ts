import type { Connection } from './connection';

/** Inputs of a resource that declares a state of the database and is found to be so, or not, in the catalog. */
export type Planned<Spec extends object> = Spec & {
  connection: Connection;
  /** What would be done, computed by `check` for previews from the database, where one answers. Empty: all is as declared. */
  plan?: string[];
};
