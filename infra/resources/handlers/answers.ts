const FRESH_MS = 5000;

/**
 * Answers of the database that the next call of the same step would ask for again: `check` follows `read`, and `diff` follows `check`, at once
 * and with the same inputs. Each is taken once.
 */
export class Answers<Inputs, Answer> {
  private readonly kept = new Map<string, { answer: Answer; at: number }>();

  remember(inputs: Inputs, answer: Answer): void {
    this.kept.set(JSON.stringify(inputs), { answer, at: Date.now() });
  }

  has(inputs: Inputs): boolean {
    return this.kept.has(JSON.stringify(inputs));
  }

  /** Undefined: there is none, or it is older than a step takes. */
  take(inputs: Inputs): Answer | undefined {
    const key = JSON.stringify(inputs);
    const entry = this.kept.get(key);
    this.kept.delete(key);
    return entry !== undefined && Date.now() - entry.at < FRESH_MS ? entry.answer : undefined;
  }
}
