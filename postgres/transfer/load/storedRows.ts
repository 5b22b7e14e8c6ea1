import type { TablePlan } from '../plan';
import type { Layout } from '../source/layout';
import type { Source } from '../source/open';
import { Pages } from '../source/pages';
import { BLOB, type Constant, REAL, StoredRecord } from '../source/records';
import { rowsByNumber } from '../source/rows';
import { type BinaryOutput, type Encode, MOST_OVERHEAD } from '../values/binary';
import type { SourceValue } from '../values/value';

/** Bytes that go to the server at once. */
const CHUNK_BYTES = 256 * 1024;

/** Some rows in COPY's binary format, and how many were looked at for them. */
export interface Chunk {
  bytes: Buffer;
  rows: number;
  /** Numbers of those that are not in `bytes`: a value of theirs wants a closer look. */
  others: bigint[];
}

/** How each column of a plan is written, where all can be; undefined else. */
export function encodersOf({ columns }: TablePlan): Encode[] | undefined {
  const encoders = columns.map(({ conversion }) => conversion.encode);
  return encoders.every((encode) => encode !== undefined) ? encoders : undefined;
}

/** A table's rows, taken from its pages as they are stored: no value becomes text, or an object of JavaScript. */
export function* storedRows(
  source: Source,
  plan: TablePlan,
  layout: Layout,
  encoders: readonly Encode[],
): Generator<Chunk> {
  const { columns } = plan;
  const places = columns.map((column) => layout.columns.get(column.source));
  const nullable = columns.map(({ target }) => target.nullable);
  const pages = new Pages(source.database, source.damaged);
  const record = new StoredRecord(pages, layout.count, source.damaged);
  const defaults: (Constant | undefined)[] = columns.map(() => undefined);
  let room = 2 + MOST_OVERHEAD * columns.length;

  /** Of a row older than the column, which has what ALTER TABLE said: the same for all of them. */
  const selectDefault = (column: number): void => {
    let constant = defaults[column];
    if (constant === undefined) {
      const [row] = rowsByNumber(source, plan, [record.rowNumber]);
      constant = defaults[column] = constantOf(row?.values[column] ?? { storage: 'null' });
      room += constant.bytes.length;
    }
    record.selectConstant(constant);
  };
  /** Whether the row could be written. */
  const encode = (to: BinaryOutput): boolean => {
    to.bytes[to.at++] = columns.length >>> 8;
    to.bytes[to.at++] = columns.length;
    for (let column = 0; column < columns.length; column++) {
      if (!record.select(places[column])) selectDefault(column);
      if (record.type !== 0) {
        if (!(encoders[column] as Encode)(record, to)) return false;
      } else {
        if (nullable[column] !== true) return false;
        to.bytes.fill(0xff, to.at, to.at + 4);
        to.at += 4;
      }
    }
    return true;
  };

  for (const leaves of pages.leaves(layout.root)) {
    let chunk = emptyChunk();
    const output = { bytes: Buffer.allocUnsafe(CHUNK_BYTES), at: 0 };
    for (const leaf of leaves) {
      const rows = record.rowsOf(leaf);
      for (let cell = 0; cell < rows; cell++) {
        record.read(leaf, cell);
        if (output.at + record.length + room > output.bytes.length) {
          yield { ...chunk, bytes: output.bytes.subarray(0, output.at) };
          chunk = emptyChunk();
          output.bytes = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, record.length + room));
          output.at = 0;
        }
        const start = output.at;
        chunk.rows += 1;
        if (encode(output)) continue;
        output.at = start;
        chunk.others.push(record.rowNumber);
      }
    }
    yield { ...chunk, bytes: output.bytes.subarray(0, output.at) };
  }
}

const emptyChunk = (): Chunk => ({ bytes: Buffer.alloc(0), rows: 0, others: [] });

/** As a record would hold it. */
function constantOf(value: SourceValue): Constant {
  if (value.storage === 'null') return { type: 0, bytes: Buffer.alloc(0) };
  if (value.storage === 'text') return { type: BLOB + 1 + 2 * value.value.length, bytes: value.value };
  if (value.storage === 'blob') return { type: BLOB + 2 * value.value.length, bytes: value.value };
  const bytes = Buffer.alloc(8);
  if (value.storage === 'real') bytes.writeDoubleBE(value.value);
  else bytes.writeBigInt64BE(value.value);
  return { type: value.storage === 'real' ? REAL : 6, bytes };
}
