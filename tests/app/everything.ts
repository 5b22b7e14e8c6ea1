/**
 * Models beside the application's, with every type that Prisma has in SQLite and PostgreSQL alike, and random rows of them. Left out: what
 * PostgreSQL cannot hold and a transfer reports (NUL in texts, half a surrogate pair), and what a SQLite adapter itself refuses or rounds: doubles
 * near their largest, decimals of more than 15 digits, which it stores as doubles.
 */

export const MODELS = `
enum Level {
  low
  middle
  high
}

model Everything {
  id        Int          @id @default(autoincrement())
  text      String
  maybe     String?
  whole     Int
  big       BigInt
  real      Float
  price     Decimal
  flag      Boolean
  at        DateTime
  day       DateTime?    @db.Date
  json      Json
  maybeJson Json?
  bytes     Bytes
  level     Level?
  parentId  Int?
  parent    Everything?  @relation("tree", fields: [parentId], references: [id])
  children  Everything[] @relation("tree")
  tags      Tag[]
}

model Tag {
  name       String       @id
  everything Everything[]
}

model Pair {
  left  Int
  right String
  note  String?

  @@id([right, left])
  @@map("pair of keys")
}
`;

const ROWS = 1500;
const DAY_MS = 86_400_000;

/** A seed, so that a failure repeats. */
let state = 7;

function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const of = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;

const PIECES = [
  'a',
  'Z',
  ' ',
  "'",
  '"',
  '\\',
  '\\N',
  '\\.',
  '\n',
  '\t',
  '\r\n',
  'ñ',
  'é',
  'İ',
  'ß',
  '漢字',
  'א',
  '🎉',
  '👩🏽‍🏫',
  '\u0301',
  '\u200b',
  '\ufeff',
  '%',
  '\u{1}',
];
const text = (most: number): string => Array.from({ length: below(most) }, () => of(PIECES)).join('');

const REALS = [0, 1, -1, 0.1, 1e300, -1e-300, 5e-324, 2 ** 53, 1 / 3, 1e-7, 123456789.125];
const BIGS = [0n, 1n, -1n, 2n ** 53n, -(2n ** 53n) - 1n, 2n ** 62n + 1n, -(2n ** 62n)];
const INTS = [0, 1, -1, 2_147_483_647, -2_147_483_648];

function json(depth: number): unknown {
  switch (below(depth > 0 ? 7 : 5)) {
    case 0:
      return text(12);
    case 1:
      return of(REALS.filter((number) => Math.abs(number) < 1e15 && (number === 0 || Math.abs(number) > 1e-300)));
    case 2:
      return below(2) === 0;
    case 3:
      return null;
    case 4:
      return below(1_000_000) / 7;
    case 5:
      return Array.from({ length: below(4) }, () => json(depth - 1));
    default:
      return Object.fromEntries(Array.from({ length: below(4) }, (_, at) => [`${text(4)}${at}`, json(depth - 1)]));
  }
}

/** From year 1 to 9999, most of them in our time, many before 1970. */
function time(): Date {
  const range: [number, number] = of([
    [Date.UTC(1900, 0), Date.UTC(2030, 0)],
    [Date.UTC(1960, 0), Date.UTC(1975, 0)],
    [-62_135_596_800_000, 253_402_300_799_999],
  ]);
  return new Date(range[0] + Math.floor((below(2 ** 31) / 2 ** 31) * (range[1] - range[0])));
}

export function everythingRows(): { tag: object[]; everything: object[]; pair: object[] } {
  state = 7;
  const everything = Array.from({ length: ROWS }, (_, at) => ({
    id: at + 1,
    text: at % 300 === 0 ? text(20_000) : text(30),
    maybe: at % 3 === 0 ? null : text(5),
    whole: below(3) === 0 ? of(INTS) : below(1_000_000) - 500_000,
    big: below(2) === 0 ? of(BIGS) : BigInt(below(2 ** 31)) * BigInt(below(2 ** 31)),
    real: below(3) === 0 ? of(REALS) : (below(2 ** 31) - 2 ** 30) / (1 + below(1000)),
    price: String((below(2_000_000_000) - 1_000_000_000) / 100),
    flag: below(2) === 0,
    at: time(),
    ...(at % 4 === 0 ? {} : { day: new Date(Math.floor(time().getTime() / DAY_MS) * DAY_MS) }),
    json: { value: json(3), 'ключ 🔑': json(2) },
    ...(at % 5 === 0 ? {} : { maybeJson: [json(2)] }),
    bytes: Uint8Array.from({ length: below(40) }, () => below(256)),
    level: at % 6 === 0 ? null : of(['low', 'middle', 'high']),
  }));
  const tag = Array.from({ length: 7 }, (_, at) => ({ name: `tag ${at}` }));
  const pair = Array.from({ length: 400 }, (_, at) => ({
    left: at % 20,
    right: `${text(3)}${at}`,
    note: at % 2 === 0 ? text(40) : null,
  }));
  return { tag, everything, pair };
}
