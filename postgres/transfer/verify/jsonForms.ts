import { jsonbText } from '../values/json';

/** A member of an object, by where it stands in what was written. */
interface Member {
  key: number;
  keyEnd: number;
  end: number;
}

/**
 * JSON texts as PostgreSQL's `jsonb` prints them, one after another, from bytes to bytes: most are written without becoming text. Each text has to be valid JSON
 * already; `jsonbText` writes those with escapes by number, exponents or a zero with a sign.
 */
export class JsonForms {
  bytes: Buffer;
  /** One more than there are texts: where each begins, and where the last ends. */
  readonly starts: number[] = [0];
  private at = 0;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafe(2 * length + 16);
  }

  addNull(): void {
    this.append(Buffer.from('NULL'));
    this.starts.push(this.at);
  }

  add(from: Buffer, start: number, end: number): void {
    this.reserve(2 * (end - start));
    const before = this.at;
    if (!this.write(from, start, end)) {
      this.at = before;
      this.append(Buffer.from(jsonbText(from.toString('utf8', start, end)), 'utf8'));
    }
    this.starts.push(this.at);
  }

  private append(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.at += bytes.copy(this.bytes, this.at);
  }

  private reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.at + length));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** False where it is not as simple as that. */
  private write(from: Buffer, start: number, end: number): boolean {
    const to = this.bytes;
    /** Of the objects and arrays that are open: members so far, undefined for an array. */
    const open: (Member[] | undefined)[] = [];
    let members: Member[] | undefined;
    for (let at = start; at < end;) {
      const byte = from[at++] as number;
      switch (byte) {
        case 32:
        case 9:
        case 10:
        case 13:
          break;
        case 44: // comma
          if (members !== undefined) (members[members.length - 1] as Member).end = this.at;
          to[this.at++] = 44;
          to[this.at++] = 32;
          break;
        case 58: // colon
          to[this.at++] = 58;
          to[this.at++] = 32;
          break;
        case 123:
        case 91:
          open.push(members);
          members = byte === 123 ? [] : undefined;
          to[this.at++] = byte;
          break;
        case 125:
          if (members !== undefined && members.length > 1) {
            (members[members.length - 1] as Member).end = this.at;
            this.sort(members);
          }
          members = open.pop();
          to[this.at++] = byte;
          break;
        case 93:
          members = open.pop();
          to[this.at++] = byte;
          break;
        case 34: {
          const isKey = members !== undefined && isAfter(to, this.at - 1);
          const key = this.at;
          to[this.at++] = 34;
          for (;;) {
            if (at >= end) return false;
            const next = from[at++] as number;
            if (next === 34) break;
            if (next === 92) {
              const escaped = from[at++] as number;
              // A key is sorted by what it means.
              if (escaped === 117 || isKey) return false;
              if (escaped !== 47) to[this.at++] = 92;
              to[this.at++] = escaped;
            } else to[this.at++] = next;
          }
          to[this.at++] = 34;
          if (isKey) members?.push({ key, keyEnd: this.at, end: this.at });
          break;
        }
        default: {
          const isNumber = byte === 45 || (byte >= 48 && byte <= 57);
          if (byte === 45 && from[at] === 48) return false;
          to[this.at++] = byte;
          for (; at < end; at++) {
            const next = from[at] as number;
            if (next <= 32 || next === 44 || next === 93 || next === 125) break;
            if (isNumber && (next | 32) === 101) return false;
            to[this.at++] = next;
          }
        }
      }
    }
    return true;
  }

  /** Shorter keys first, then by their bytes; of equal ones the last. */
  private sort(members: Member[]): void {
    if (members.every((member, index) => index === 0 || this.compare(members[index - 1] as Member, member) < 0)) return;
    const first = (members[0] as Member).key;
    const sorted = members
      .map((member, index) => ({ member, index }))
      .sort((one, other) => this.compare(one.member, other.member) || one.index - other.index)
      .map(({ member }) => member)
      .filter((member, index, all) => {
        const next = all[index + 1];
        return next === undefined || this.compare(member, next) !== 0;
      });
    const written = Buffer.from(this.bytes.subarray(first, this.at));
    this.at = first;
    sorted.forEach(({ key, end }, index) => {
      if (index > 0) {
        this.bytes[this.at++] = 44;
        this.bytes[this.at++] = 32;
      }
      this.at += written.copy(this.bytes, this.at, key - first, end - first);
    });
  }

  private compare(one: Member, other: Member): number {
    const byLength = one.keyEnd - one.key - (other.keyEnd - other.key);
    if (byLength !== 0) return byLength;
    return this.bytes.compare(this.bytes, other.key, other.keyEnd, one.key, one.keyEnd);
  }
}

/** Whether a string that begins after `at` is a key: the last that was written is the object's begin, or a comma and its space. */
const isAfter = (written: Buffer, at: number): boolean =>
  written[at] === 123 || (written[at] === 32 && written[at - 1] === 44);
