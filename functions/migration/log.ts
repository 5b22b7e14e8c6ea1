/** Lines of JSON, one an event, as CloudWatch Logs searches them. */
export class Log {
  private readonly secrets = new Set<string>();

  constructor(
    private readonly common: Record<string, string>,
    private readonly write: (line: string) => void,
  ) {}

  /** Never appears in a line or an answer from here on, in whatever message it may be quoted. */
  conceal(secret: string): void {
    if (secret !== '') this.secrets.add(secret);
  }

  /** A text without any secret that is known. */
  clean(text: string): string {
    return [...this.secrets].reduce((cleaned, secret) => cleaned.replaceAll(secret, '•••'), text);
  }

  line(level: 'INFO' | 'WARN' | 'ERROR', message: string, more: Record<string, unknown> = {}): void {
    const event = { timestamp: new Date().toISOString(), level, ...this.common, message, ...more };
    this.write(
      `${JSON.stringify(event, (_, value: unknown) => (typeof value === 'string' ? this.clean(value) : value))}\n`,
    );
  }
}
