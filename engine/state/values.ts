/**
 * In-memory property values of both engines: plain JSON values, `Secret` around anything confidential, `UNKNOWN` for a value
 * that is only known after apply (previews; never stored).
 */
export class Unknown {
  readonly kind = 'unknown';
}
export const UNKNOWN = new Unknown();

export class Secret {
  constructor(readonly value: PropertyValue) {}
  /** So that no log, template string or JSON shows the value by accident. */
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
}

export type PropertyValue =
  null | boolean | number | string | Unknown | Secret | PropertyValue[] | { [key: string]: PropertyValue };
export type PropertyMap = Record<string, PropertyValue>;
