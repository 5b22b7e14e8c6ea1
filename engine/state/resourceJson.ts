import { type CheckpointFile, type RawResource } from './checkpointFile';
import { decodeProperties, encodeProperties, type SecretCodec } from './properties';
import { type CarriedFields, FIELD_ORDER, KNOWN_FIELDS, type ResourceState } from './resource';

/** The resources with their property values, secrets decrypted. */
export function decodeResources(file: CheckpointFile, codec: SecretCodec): ResourceState[] {
  return (file.checkpoint.latest?.resources ?? []).map((raw) => decodeResource(raw, codec));
}

export function decodeResource(raw: RawResource, codec: SecretCodec): ResourceState {
  const entries = Object.entries(raw);
  const known = Object.fromEntries(entries.filter(([field]) => KNOWN_FIELDS.has(field)));
  const rest: CarriedFields = Object.fromEntries(entries.filter(([field]) => !KNOWN_FIELDS.has(field)));
  const path = pathOf(raw);
  return {
    ...(known as unknown as ResourceState),
    dependencies: (raw['dependencies'] as string[] | undefined) ?? [],
    inputs: decodeProperties(raw['inputs'], codec, `${path} inputs`),
    outputs: decodeProperties(raw['outputs'], codec, `${path} outputs`),
    ...(Object.keys(rest).length > 0 ? { rest } : {}),
  };
}

/** The resource as Pulumi would write it: its order of fields, what is empty or false left out. */
export function encodeResource(resource: ResourceState, codec: SecretCodec): RawResource {
  const { rest, inputs, outputs, ...known } = resource;
  const path = pathOf({ ...known });
  const fields: Record<string, unknown> = {
    ...rest,
    ...known,
    inputs: encodeProperties(inputs, codec, `${path} inputs`),
    outputs: encodeProperties(outputs, codec, `${path} outputs`),
  };
  const names = [
    ...FIELD_ORDER,
    ...Object.keys(fields).filter((name) => !(FIELD_ORDER as readonly string[]).includes(name)),
  ];
  return Object.fromEntries(
    names.filter((name) => name === 'custom' || !isEmpty(fields[name])).map((name) => [name, fields[name]]),
  );
}

/** Two of one URN exist while a replaced resource waits for its deletion. */
function pathOf(resource: { [field: string]: unknown }): string {
  const urn = String(resource['urn']);
  return resource['delete'] === true ? `${urn} (replaced, ${String(resource['id'])})` : urn;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
