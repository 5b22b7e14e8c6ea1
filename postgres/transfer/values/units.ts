/** What a number in a column of times counts; settings say so where it is not Prisma's milliseconds. */
export const TIME_UNITS = ['unixepoch-ms', 'unixepoch-s', 'unixepoch-us', 'julianday'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];
