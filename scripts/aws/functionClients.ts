import type { FunctionClients } from './function';

/** Of a request that is answered at once; its SDK tries it again. */
const SHORT = { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true };

/** `answerMs`: for how long the function may leave the request open. */
export async function clientsOf(region: string, answerMs: number): Promise<FunctionClients> {
  // It would tell every user of Node.js 20 on stderr what later versions of the SDK need; this one is pinned.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { Lambda } = await import('@aws-sdk/client-lambda');
  const { S3 } = await import('@aws-sdk/client-s3');
  // An emulator has no host for each bucket.
  const forcePathStyle = (process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']) !== undefined;
  return {
    // What was sent to the function may be at work, answered or not: only `askFunction` knows when to ask again.
    lambda: new Lambda({
      region,
      maxAttempts: 1,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: answerMs, throwOnRequestTimeout: true },
    }),
    s3: new S3({
      region,
      forcePathStyle,
      maxAttempts: 5,
      requestHandler: SHORT,
    }),
  };
}
