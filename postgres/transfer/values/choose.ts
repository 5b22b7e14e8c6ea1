import type { SourceColumn } from '../source/tables';
import type { TargetColumn } from '../target/tables';
import type { Conversion } from './conversion';
import { booleanConversion, doubleConversion, integerConversion, numericConversion, singleConversion } from './numbers';
import {
  bytesConversion,
  enumConversion,
  inputConversion,
  jsonConversion,
  textConversion,
  uuidConversion,
} from './texts';
import { clockConversion, dateConversion, timestampConversion } from './times';
import type { TimeUnit } from './units';

/** The conversion into a column, by the target's type: what the source declares decides nothing, since SQLite stores anything anywhere. */
export function conversionOf(source: SourceColumn, target: TargetColumn, unit: TimeUnit = 'unixepoch-ms'): Conversion {
  const conversion = conversionInto(source, target, unit);
  // SQLite stores whole numbers of such a column as integers, and gives them back as reals.
  const isOther = hasRealAffinity(source.declaredType) && conversion.canonical !== 'float';
  return isOther ? { ...conversion, encode: undefined } : conversion;
}

function conversionInto(source: SourceColumn, target: TargetColumn, unit: TimeUnit): Conversion {
  const { base, modifier, labels } = target;
  const type = target.type
    .replace(' without time zone', '')
    .replace(/^timestamp(.*) with time zone$/, 'timestamptz$1')
    .replace('character varying', 'varchar');
  // Lengths are kept with four more.
  const length = modifier < 4 ? undefined : modifier - 4;
  const secondDigits = modifier < 0 ? 6 : modifier;
  if (labels.length > 0) return enumConversion(type, labels);
  switch (base) {
    case 'int2':
    case 'int4':
    case 'int8':
      return integerConversion(base);
    case 'bool':
      return booleanConversion;
    case 'float8':
      return doubleConversion(!hasRealAffinity(source.declaredType));
    case 'float4':
      return singleConversion;
    case 'numeric':
      // Precision in the upper, scale in the lower half; the scale has eleven bits and a sign.
      if (length === undefined) return numericConversion(type);
      return numericConversion(type, length >> 16, ((length & 0x7ff) ^ 1024) - 1024);
    case 'timestamp':
    case 'timestamptz':
      return timestampConversion(type, secondDigits, base === 'timestamptz', unit);
    case 'date':
      return dateConversion(unit);
    case 'time':
      return clockConversion(type, secondDigits, unit);
    case 'json':
    case 'jsonb':
      return jsonConversion(base);
    case 'uuid':
      return uuidConversion;
    case 'bytea':
      return bytesConversion;
    case 'varchar':
      return textConversion(type, length, false);
    case 'bpchar':
      return textConversion(type, length, true);
    case 'text':
    case 'citext':
      return textConversion(type, undefined, false);
    default:
      return inputConversion(type);
  }
}

/** https://www.sqlite.org/datatype3.html, section 3.1: the rules in their order. */
function hasRealAffinity(declared: string): boolean {
  const type = declared.toUpperCase();
  return !/INT|CHAR|CLOB|TEXT|BLOB/.test(type) && type !== '' && /REAL|FLOA|DOUB/.test(type);
}
