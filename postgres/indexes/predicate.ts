/**
 * The conjuncts of a predicate in PostgreSQL's own printing, `((a > 1) AND (b = 2))`, sorted: AND in another order admits the same
 * rows. BETWEEN never shows up here, PostgreSQL prints it as two comparisons. Anything without a top-level AND comes back as it is.
 */
export function normalPredicate(predicate: string): string {
  const inner = unwrapped(predicate);
  const parts = splitAnd(inner);
  return parts.length === 1 ? predicate : parts.sort().join(' AND ');
}

/** Without the one pair of parentheses around the whole text. */
function unwrapped(text: string): string {
  if (!text.startsWith('(')) return text;
  let closes = -1;
  scan(text, (index, depth) => {
    if (closes === -1 && depth === 0 && text[index] === ')') closes = index;
  });
  return closes === text.length - 1 ? text.slice(1, -1) : text;
}

function splitAnd(text: string): string[] {
  const word = ' AND ';
  const parts: string[] = [];
  let start = 0;
  let caseDepth = 0;
  scan(text, (index, depth) => {
    if (depth !== 0 || index < start) return;
    if (text.startsWith('CASE ', index)) caseDepth += 1;
    if (text.startsWith(' END', index)) caseDepth -= 1;
    if (caseDepth === 0 && text.startsWith(word, index)) {
      parts.push(text.slice(start, index));
      start = index + word.length;
    }
  });
  parts.push(text.slice(start));
  return parts;
}

/** Visits every character outside quotes with its depth in parentheses and brackets; a closing one counts as outside. */
function scan(text: string, visit: (index: number, depth: number) => void): void {
  let depth = 0;
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote !== '') {
      // A backslash escapes only inside E'...'; PostgreSQL prints those with both backslashes and quotes doubled.
      if (character === quote) quote = '';
      continue;
    }
    if (character === "'" || character === '"') {
      quote = character;
      continue;
    }
    if (character === ')' || character === ']') depth -= 1;
    visit(index, depth);
    if (character === '(' || character === '[') depth += 1;
  }
}
