import { printable } from './print';
import { proseLines, proseParts } from './prose';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Any text as the content of an element or of a quoted attribute. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** Lines of prose; what stands between backticks is code. */
export function proseHtml(text: string): string {
  return proseLines(text)
    .map((line) =>
      proseParts(line)
        .map((part) => (part.isCode ? `<code>${escapeHtml(part.text)}</code>` : escapeHtml(part.text)))
        .join(''),
    )
    .join('<br>');
}
