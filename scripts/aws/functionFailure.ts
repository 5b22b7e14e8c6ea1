import { PlatformError } from '../../system/errors';
import type { FunctionPlace } from './function';

export const logCommand = ({ functionName, region }: FunctionPlace): string =>
  `\`aws logs tail /aws/lambda/${functionName} --since 30m --follow --region ${region}\``;

/** It runs once at a time: `up`, or another `deploy`. */
export const busy = (place: FunctionPlace, cause: PlatformError): PlatformError =>
  new PlatformError(
    'function-busy',
    `Function ${place.functionName} is at work already, or Lambda is busy: ${cause.message}`,
    `Run it again when it has ended: ${logCommand(place)} shows what it does.`,
    { kind: 'locked', object: place.functionName, cause },
  );

/** It may have begun. */
export const unanswered = (place: FunctionPlace, cause: PlatformError): PlatformError =>
  new PlatformError(
    'function-unanswered',
    `Function ${place.functionName} was asked, and no answer came: ${cause.message}`,
    `It may be at work: ${logCommand(place)}. After that \`npm run coachdb -- deploy --dry-run\` shows what is left to do.`,
    { object: place.functionName, cause },
  );

/** An interrupt here ends the waiting, not the work. */
export const leftRunning = (place: FunctionPlace): PlatformError =>
  new PlatformError(
    'interrupted',
    `The command was interrupted; function ${place.functionName} goes on with what it was asked.`,
    `See it: ${logCommand(place)}. After that \`npm run coachdb -- deploy --dry-run\` shows what is left to do.`,
    { kind: 'interrupted', object: place.functionName },
  );

/** What Lambda answers where the function did not. */
export function endedWithoutReport(place: FunctionPlace, answer: unknown, log: string): PlatformError {
  const { functionName } = place;
  const { errorType = '', errorMessage = '' } = (typeof answer === 'object' && answer !== null ? answer : {}) as {
    errorType?: string;
    errorMessage?: string;
  };
  if (errorType === 'Sandbox.Timedout' || errorMessage.includes('Task timed out'))
    return new PlatformError(
      'time-limit',
      `Function ${functionName} ran longer than Lambda lets it: ${errorMessage}`,
      'What it has done stays, and the next `npm run coachdb -- deploy` goes on from there; where a migration failed half way, it says so. ' +
        'A migration that takes longer than 15 minutes has to be split.',
      { object: functionName },
    );
  const said = [errorType, errorMessage].filter((part) => part !== '').join(': ');
  const last = log.trim().split('\n').slice(-5).join('\n');
  return new PlatformError(
    'function-failed',
    `Function ${functionName} ended without a report: ${said === '' ? JSON.stringify(answer) : said}${last === '' ? '' : `\n${last}`}`,
    `Its log is ${logCommand(place)}. \`npm run up\` puts the function there that this checkout has.`,
    { object: functionName },
  );
}
