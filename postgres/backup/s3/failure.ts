import { codeOf, PlatformError } from '../../../system/errors';

/** What was asked of the service, for the message. `action` is the right that it takes: `s3:PutObject`. */
export interface Asked {
  action: string;
  bucket: string;
  /** Of the settings; undefined: AWS. */
  endpoint: string | undefined;
  key?: string;
}

/** Of an error of the SDK, without what it carries of the request. */
interface Answer {
  name: string;
  status: number | undefined;
  /** The region that the bucket says to be in. */
  region: string | undefined;
  attempts: number;
  text: string;
}

/** Codes that callers branch on. */
export const NOT_FOUND = 's3-not-found';
export const EXISTS = 's3-exists';
export const NO_UPLOAD = 's3-no-upload';
export const NOT_SUPPORTED = 's3-not-supported';
export const CORRUPTED = 's3-corrupted';

type Words = [code: string, message: string, remedy: string];

const POLICY = 'docs/backups.md lists the actions that the role or user needs.';

/** Each cause by the service's own code, else by the status, else by the system's code. */
const CAUSES: readonly [RegExp, (asked: Asked, answer: Answer) => Words][] = [
  [
    /^(CredentialsProviderError|InvalidIdentityToken)$/,
    ({ bucket }) => [
      's3-no-credentials',
      `There are no credentials for bucket ${bucket}: the AWS SDK found none in the environment, the profile or a role.`,
      'Log in (`aws sso login`), set AWS_PROFILE or coach:backup.s3.profile, or run where a role is attached.',
    ],
  ],
  [
    /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|RequestExpired)$/,
    ({ bucket }) => [
      's3-credentials-expired',
      `The credentials for bucket ${bucket} have expired.`,
      'Get new ones (`aws sso login`) and run it again.',
    ],
  ],
  [
    /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|InvalidClientTokenId|AuthFailure)$/,
    ({ bucket, endpoint }, { name }) => [
      's3-credentials-wrong',
      `${endpoint ?? 'AWS'} does not accept the credentials for bucket ${bucket} (${name}).`,
      'Check the access key, the secret key and the profile that they come from.',
    ],
  ],
  [
    /^(RequestTimeTooSkewed|RequestInTheFuture)$/,
    ({ endpoint }) => [
      's3-clock',
      `The clock of this machine and that of ${endpoint ?? 'AWS'} are more than 15 minutes apart.`,
      'Set the clock (`timedatectl set-ntp true`) and run it again.',
    ],
  ],
  [
    /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException|301|307)$/,
    ({ bucket, endpoint }, { region }) => [
      's3-wrong-region',
      `Bucket ${bucket} is in ${region === undefined ? 'another region' : `region ${region}`}, or not at ${endpoint ?? 'AWS'}.`,
      region === undefined ? 'Set coach:backup.s3.region.' : `Set coach:backup.s3.region to ${region}.`,
    ],
  ],
  [
    /^(NoSuchBucket|InvalidBucketName)$/,
    ({ bucket, endpoint }) => [
      's3-bucket-missing',
      `There is no bucket ${bucket} at ${endpoint ?? 'AWS'}.`,
      'Make it, or set coach:backup.s3.bucket to one that exists.',
    ],
  ],
  [
    /^KMS\.|^(KMS\w*|KeyUnavailableException|DisabledException)$/,
    ({ bucket }, { name, text }) => [
      's3-kms',
      `The KMS key of bucket ${bucket} cannot be used (${name}${text === '' ? '' : `: ${text}`}).`,
      `Set coach:backup.s3.kmsKeyId to a key that is enabled. ${POLICY}`,
    ],
  ],
  [
    /^(AccessDenied|AccessDeniedException|AllAccessDisabled|AccountProblem|Forbidden|403)$/,
    ({ action, bucket, key }, { text }) => [
      's3-access-denied',
      `${action} on ${key === undefined ? `bucket ${bucket}` : `s3://${bucket}/${key}`} is denied${text === '' ? '' : `: ${text}`}.`,
      `Allow it, for the bucket and for its key. ${POLICY}`,
    ],
  ],
  [
    /^(PreconditionFailed|ConditionalRequestConflict|412|409)$/,
    ({ bucket, key }) => [
      EXISTS,
      `s3://${bucket}/${key ?? ''} was written by another run.`,
      'See `npm run coachdb -- backup list`; nothing was overwritten.',
    ],
  ],
  [
    /^NoSuchUpload$/,
    ({ bucket, key }) => [
      NO_UPLOAD,
      `The upload of s3://${bucket}/${key ?? ''} was aborted by somebody else.`,
      'Run it again; see whether a lifecycle rule aborts uploads too early.',
    ],
  ],
  [
    /^(InvalidObjectState|ObjectNotInActiveTierError)$/,
    ({ bucket, key }) => [
      's3-archived',
      `s3://${bucket}/${key ?? ''} lies in an archive and cannot be read.`,
      'Bring it back with `aws s3api restore-object`, then run it again.',
    ],
  ],
  [
    /^(NoSuchKey|NotFound|NoSuchVersion|404)$/,
    ({ bucket, key }) => [
      NOT_FOUND,
      `There is no s3://${bucket}/${key ?? ''}.`,
      'See `npm run coachdb -- backup list` for what is there.',
    ],
  ],
  [
    /^(BadDigest|InvalidDigest|XAmzContent(SHA256|Checksum)Mismatch|IncompleteBody|InvalidPart)$/,
    ({ bucket, key }, { name }) => [
      CORRUPTED,
      `s3://${bucket}/${key ?? ''} did not arrive as it was sent (${name}), again and again.`,
      'Look for what changes data on the way (a proxy, bad memory), then run it again.',
    ],
  ],
  [
    /^(NotImplemented|MethodNotAllowed|501|405)$/,
    ({ action, bucket, endpoint }) => [
      NOT_SUPPORTED,
      `${endpoint ?? 'AWS'} cannot do ${action} on bucket ${bucket}.`,
      'Use an S3 endpoint that can.',
    ],
  ],
  [
    /^(SlowDown|ThrottlingException|Throttling|TooManyRequestsException|RequestLimitExceeded|ServiceUnavailable|503|429)$/,
    ({ bucket, endpoint }, { name, attempts }) => [
      's3-busy',
      `${endpoint ?? 'AWS'} keeps refusing requests for bucket ${bucket} (${name}, ${attempts} attempts).`,
      'Run it again later, or lower coach:backup.s3.concurrency.',
    ],
  ],
  [
    /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/,
    ({ endpoint, bucket }, { name }) => [
      's3-unreachable',
      `${endpoint ?? `AWS S3 for bucket ${bucket}`} cannot be reached (${name}).`,
      'Check coach:backup.s3.endpoint and region, the network and its firewall.',
    ],
  ],
  [
    /^(TimeoutError|RequestTimeout|RequestTimeoutException|ECONNRESET|EPIPE|ETIMEDOUT)$/,
    ({ endpoint, bucket }, { name, attempts }) => [
      's3-connection',
      `The connection to ${endpoint ?? `AWS S3 for bucket ${bucket}`} broke or stood still (${name}, ${attempts} attempts).`,
      'Check the network and run it again.',
    ],
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|^EPROTO$/,
    ({ endpoint }, { name }) => [
      's3-tls',
      `The certificate of ${endpoint ?? 'AWS'} is not trusted (${name}).`,
      'Set NODE_EXTRA_CA_CERTS to the PEM file of its authority.',
    ],
  ],
];

/**
 * What an error of the SDK means for whoever ran the command. Of the request it tells nothing: keys, tokens and signatures are in neither
 * message nor cause, whatever prints them.
 */
export function s3Failure(error: unknown, asked: Asked, secrets: readonly string[] = []): unknown {
  if (error instanceof PlatformError) return error;
  const answer = answerOf(error, secrets);
  if (answer.name === 'AbortError') return interrupted(asked.bucket);
  if (/Region is missing/.test(answer.text)) {
    const remedy = 'Set coach:backup.s3.region, or AWS_REGION.';
    return new PlatformError('s3-no-region', `The region of bucket ${asked.bucket} is not known.`, remedy, {
      object: asked.bucket,
    });
  }
  const names = [answer.name, String(answer.status ?? ''), codeOf(error) ?? '', codeOf(causeOf(error)) ?? ''];
  const cause = names.flatMap((name) => CAUSES.filter(([pattern]) => name !== '' && pattern.test(name)))[0];
  const unknown: Words = [
    's3-failed',
    `${asked.action} on bucket ${asked.bucket} failed (${[answer.name, answer.status].filter(Boolean).join(', ')})${answer.text === '' ? '' : `: ${answer.text}`}.`,
    'Run it again; if it stays, ask whoever runs the endpoint.',
  ];
  const [code, message, remedy] = cause?.[1](asked, answer) ?? unknown;
  return new PlatformError(code, message, remedy, {
    object: asked.key ?? asked.bucket,
    cause: new Error(`${asked.action}: ${names.filter((name) => name !== '').join(', ')} ${requestId(error)}`.trim()),
  });
}

export const interrupted = (bucket: string): PlatformError =>
  new PlatformError('interrupted', `The work on bucket ${bucket} was stopped.`, 'Run it again; it begins anew.', {
    kind: 'interrupted',
    object: bucket,
  });

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

interface SdkError {
  name?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number; requestId?: string };
  $response?: { headers?: Record<string, string> };
  Region?: string;
}

const requestId = (error: unknown): string => (error as SdkError).$metadata?.requestId ?? '';

function answerOf(error: unknown, secrets: readonly string[]): Answer {
  const { name = '', message = '', $metadata, $response, Region } = error as SdkError;
  const code = codeOf(error);
  // A system's error keeps the class's name.
  return {
    name: code !== undefined && /^(Error|TypeError|AggregateError)$/.test(name) ? code : name,
    status: $metadata?.httpStatusCode,
    region: $response?.headers?.['x-amz-bucket-region'] ?? Region,
    attempts: $metadata?.attempts ?? 1,
    text: withoutSecrets(message, secrets),
  };
}

/** A service may repeat what it was sent. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length > 3).reduce((all, one) => all.replaceAll(one, '…'), text);
  return known
    .replaceAll(/(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"]+/gi, '$1…')
    .replaceAll(/(Signature=|Credential=)[^\s,"]+/g, '$1…')
    .replace(/[.\s]+$/, '')
    .slice(0, 500);
}
