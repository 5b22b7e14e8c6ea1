const FRESH_MS = 5000;

/**
 * What was just found in the database, for the next call of the same step, which would ask for it again: `check` follows `read`, and `diff`
 * follows `check`, at once and with the same inputs. Each is taken once.
 */
export class Recent<Inputs, Found> {
  private readonly entries = new Map<string, { found: Found; at: number }>();

  remember(inputs: Inputs, found: Found): void {
    this.entries.set(keyOf(inputs), { found, at: Date.now() });
  }

  /** Undefined: there is nothing, or it is older than a step takes. */
  take(inputs: Inputs): Found | undefined {
    const key = keyOf(inputs);
    const entry = this.entries.get(key);
    this.entries.delete(key);
    return entry !== undefined && Date.now() - entry.at < FRESH_MS ? entry.found : undefined;
  }
}

/** The same for the same properties in any order: a state has them in another one than a program. */
function keyOf(inputs: unknown): string {
  return JSON.stringify(inputs, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}
