/** Edit distance that counts a swap of neighbours as one (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(substitution, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Math.max(a.length, b.length);
}

/** Longer names are no typing mistake of anything known, and comparing them would take quadratic time. */
const LONGEST = 80;

/** The candidate a mistyped name most likely meant: at most a third of its letters differ. Case and `-` or `_` do not count. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined;
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[-_. ]/g, '');
  const wanted = fold(name);
  const most = Math.max(1, Math.floor(wanted.length / 3));
  let best: { candidate: string; steps: number } | undefined;
  for (const candidate of candidates) {
    const folded = fold(candidate);
    // Every letter too many or too few is a step of its own.
    if (Math.abs(folded.length - wanted.length) > Math.min(most, (best?.steps ?? Infinity) - 1)) continue;
    const steps = distance(wanted, folded);
    if (steps <= most && (best === undefined || steps < best.steps)) best = { candidate, steps };
  }
  return best?.candidate;
}
