import type { Properties } from '../../engine/apply/provider';
import type { Clients } from './clients';

export type { Properties, Value } from '../../engine/apply/provider';

/** What a resource's provider knows beside its inputs. */
export interface KindContext {
  region: string;
  accountId: string;
  /** From where paths of assets count. */
  folder: string;
  /** Of the administrator of the server that instances stand for. */
  masterPassword: string;
}

/**
 * One type of @pulumi/aws over AWS's own API: inputs and outputs have the package's property names. What AWS answers and what was declared are compared
 * by the core, so a kind only has to say truly what it read.
 */
export interface ResourceKind {
  /** Input that gets `NAME-7HEX` where the program leaves it out. */
  autoname?: string;
  /** It has `tags`, into which the provider's default tags go. */
  tagged?: boolean;
  /** Inputs whose change replaces. */
  replaces: readonly string[];
  /** Two of it cannot be at once. */
  deleteBeforeReplace?: boolean;
  /** Inputs of the provider's own that no API answers (`forceDestroy`): true as last declared. */
  unread?: readonly string[];
  /** The id; with outputs that can never be read again. */
  create(
    clients: Clients,
    inputs: Properties,
    context: KindContext,
  ): Promise<string | { id: string; once: Properties }>;
  /** Only what the service answered; undefined: it is gone. `known`: inputs and outputs as last known. */
  read(clients: Clients, id: string, known: Properties, context: KindContext): Promise<Properties | undefined>;
  /** All of `inputs`, whatever differs. Absent: every input replaces. */
  update?(
    clients: Clients,
    id: string,
    inputs: Properties,
    old: { inputs: Properties; outputs: Properties },
    context: KindContext,
  ): Promise<unknown>;
  delete(clients: Clients, id: string, outputs: Properties, context: KindContext): Promise<unknown>;
}

/** By type token (`aws:s3/bucket:Bucket`). */
export type Kinds = Readonly<Record<string, ResourceKind>>;
