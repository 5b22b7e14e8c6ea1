/** A whole number from 1 on that an option names; anything else ends the benchmark with the option's name. */
export function count(name: string, given: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} is ${given}; expected a whole number from 1 on.`);
  return value;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
