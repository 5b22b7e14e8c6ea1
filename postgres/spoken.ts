/*
 * What the handlers of our resource types say while they work. They run in a process of the SDK's whose stderr both engines pass on line by
 * line, so each line says what it is.
 */

export type Spoken = 'progress' | 'warning' | 'info';

export function speak(kind: 'progress' | 'warning', text: string): void {
  process.stderr.write(`${kind}: ${text.replaceAll('\n', ' ')}\n`);
}

/** What a line of that process is: something for people now, or output that nobody asked for. */
export function spoken(line: string): { kind: Spoken; text: string } {
  const [, kind, text = ''] = /^(progress|warning): (.*)$/s.exec(line) ?? [];
  return kind === 'progress' || kind === 'warning' ? { kind, text } : { kind: 'info', text: line };
}
