/** An escaped character, a quotation mark or a number. No part repeats another, which in a long text would end the search with its stack. */
const TOKENS = /\\.|"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON as PostgreSQL prints jsonb, with every number JavaScript cannot hold kept as a string of its digits: 9007199254740993 and
 * 9007199254740992 stay different.
 */
export function parseExact(text: string): unknown {
  let quoted = false;
  return JSON.parse(
    text.replace(TOKENS, (token) => {
      if (token === '"') quoted = !quoted;
      return quoted || token === '"' || isExact(token) ? token : `"${token}"`;
    }),
  );
}

/** Whether the number comes back from JavaScript with the same value, however many zeros it is written with. */
function isExact(token: string): boolean {
  const value = Number(token);
  return Number.isFinite(value) && canonical(token) === canonical(String(value));
}

/** Sign, significant digits and exponent: `-12.50` and `-1.25e1` are the same. */
function canonical(token: string): string {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
