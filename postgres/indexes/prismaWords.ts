/** Prisma's own words for operator classes; an index that uses one of these classes counts as changed when the line says raw(...). */
const WORDS: Record<string, Record<string, string>> = {
  Gin: { jsonb_ops: 'JsonbOps', jsonb_path_ops: 'JsonbPathOps', array_ops: 'ArrayOps' },
  Gist: { inet_ops: 'InetOps' },
  SpGist: { inet_ops: 'InetOps', text_ops: 'TextOps' },
};

const BRIN_TYPES: Record<string, string> = {
  bit: 'Bit',
  varbit: 'VarBit',
  bpchar: 'Bpchar',
  bytea: 'Bytea',
  date: 'Date',
  float4: 'Float4',
  float8: 'Float8',
  inet: 'Inet',
  int2: 'Int2',
  int4: 'Int4',
  int8: 'Int8',
  numeric: 'Numeric',
  oid: 'Oid',
  text: 'Text',
  time: 'Time',
  timetz: 'TimeTz',
  timestamp: 'Timestamp',
  timestamptz: 'TimestampTz',
  uuid: 'Uuid',
};

const BRIN_KINDS: Record<string, string> = {
  bloom: 'Bloom',
  inclusion: 'Inclusion',
  minmax: 'MinMax',
  minmax_multi: 'MinMaxMulti',
};

/** `jsonb_path_ops` -> `JsonbPathOps`, `public.gin_trgm_ops` -> `raw("gin_trgm_ops")`: Prisma compares names without their schema. */
export function operatorClassName(type: string, opclass: string): string {
  const name = opclass.slice(opclass.lastIndexOf('.') + 1);
  const word = type === 'Brin' ? brinWord(name) : WORDS[type]?.[name];
  return word ?? `raw(${JSON.stringify(name)})`;
}

/** `timestamptz_minmax_multi_ops` -> `TimestampTzMinMaxMultiOps`. */
function brinWord(name: string): string | undefined {
  const match = /^([a-z0-9]+)_(.+)_ops$/.exec(name);
  const type = BRIN_TYPES[match?.[1] ?? ''];
  const kind = BRIN_KINDS[match?.[2] ?? ''];
  return type === undefined || kind === undefined ? undefined : `${type}${kind}Ops`;
}
