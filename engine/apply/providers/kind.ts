import type { Client } from 'pg';

import type { ConnectionTarget } from '../../../postgres/spec';
import type { Properties, Value } from '../provider';

/** What a stand-in works with: one connection for each database, kept for the run. */
export interface Session {
  /** To the provider's own database, or the named one. */
  client(database?: string): Promise<Client>;
  /** The target with another user, to try a login. */
  targetOf(user: string, password: string): ConnectionTarget;
}

/** One resource type of the postgresql provider. Properties have the provider's names and shapes. */
export interface Kind {
  /** Defaults of inputs, as the real provider's state has them. */
  defaults: Properties;
  /** Inputs whose change replaces the resource. */
  replaces: readonly string[];
  /** Every input the local stack may use. */
  inputs: readonly string[];
  id(inputs: Properties): string;
  /** Makes it so, whether or not it exists: after a crash between the SQL and the state, the next run adopts what is there. */
  ensure(session: Session, inputs: Properties): Promise<void>;
  /** The outputs as they are now, or undefined when it is gone. `known` are the stored ones. */
  read(session: Session, known: Properties): Promise<Properties | undefined>;
  remove(session: Session, known: Properties): Promise<void>;
}

export function text(properties: Properties, key: string, otherwise = ''): string {
  const value = properties[key];
  return typeof value === 'string' ? value : otherwise;
}

export function flag(properties: Properties, key: string): boolean {
  return properties[key] === true;
}

export function count(properties: Properties, key: string, otherwise: number): number {
  const value = properties[key];
  return typeof value === 'number' ? value : otherwise;
}

export function texts(properties: Properties, key: string): string[] {
  const value = properties[key];
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

/** Lists are sets in this provider: order never matters. */
export function sameSet(a: Value | undefined, b: Value | undefined): boolean {
  const key = (value: Value | undefined): string =>
    JSON.stringify(Array.isArray(value) ? value.map((entry) => JSON.stringify(entry)).sort() : (value ?? null));
  const empty = (value: Value | undefined): boolean =>
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return (empty(a) && empty(b)) || key(a) === key(b);
}
