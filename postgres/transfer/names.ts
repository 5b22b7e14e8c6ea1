/** The same name, else the only one that differs in case alone, else what PostgreSQL makes of one that is too long. */
export function match<T extends { name: string }>(name: string, candidates: readonly T[]): T | undefined {
  const exact = candidates.find((candidate) => candidate.name === name);
  if (exact !== undefined) return exact;
  const folded = candidates.filter((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (folded.length === 1) return folded[0];
  const cut = cutName(name);
  return cut === name ? undefined : candidates.find((candidate) => candidate.name === cut);
}

/** As PostgreSQL cuts a name: to 63 bytes, between characters. */
export function cutName(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= 63) return name;
  return bytes
    .subarray(0, 63)
    .toString('utf8')
    .replace(/\ufffd$/, '');
}
