import { codeOf, messageOf, PlatformError } from '../../system/errors';

/** What was asked of AWS. */
export interface AskedOfAws {
  /** The right that it takes: `ecs:RunTask`. */
  action: string;
  /** What it concerns: a cluster, a function. */
  object: string;
}

type Words = [code: string, message: string, remedy: string];

/** Each cause by the service's own code, else by the system's. */
const CAUSES: readonly [RegExp, (asked: AskedOfAws, text: string) => Words][] = [
  [
    /^(CredentialsProviderError|TokenProviderError)$/,
    ({ action }) => [
      'aws-no-credentials',
      `There are no credentials for ${action}: the AWS SDK found none in the environment, the profile or a role.`,
      'Log in (`aws sso login`), or set AWS_PROFILE.',
    ],
  ],
  [
    /^(ExpiredToken|ExpiredTokenException|RequestExpired|TokenRefreshRequired)$/,
    ({ action }) => [
      'aws-credentials-expired',
      `The credentials for ${action} have expired.`,
      'Get new ones (`aws sso login`) and run it again.',
    ],
  ],
  [
    /^(UnrecognizedClientException|InvalidSignatureException|SignatureDoesNotMatch|InvalidClientTokenId|AuthFailure|IncompleteSignature)$/,
    ({ action }, text) => [
      'aws-credentials-wrong',
      `AWS does not accept the credentials for ${action}: ${text}`,
      'Check the access key, the profile that it comes from, and this machine’s clock.',
    ],
  ],
  [
    /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized)$/,
    ({ action, object }, text) => [
      'aws-access-denied',
      `Whoever runs this may not do ${action} on ${object}: ${text}`,
      `Allow ${action} on it; docs/backups.md and docs/prod.md list what the commands take.`,
    ],
  ],
  [
    /^KMS\.?(Disabled|InvalidState|NotFound|AccessDenied|KeyUnavailable)\w*$/,
    ({ action, object }, text) => [
      'aws-key-unusable',
      `The key of KMS that ${object} is encrypted with cannot be used for ${action}: ${text}`,
      'Enable it again (`aws kms enable-key`, `aws kms cancel-key-deletion`), and see that its policy lets in who runs this.',
    ],
  ],
  [
    /^(ResourceNotFoundException|NoSuchBucket)$/,
    ({ action, object }, text) => [
      'aws-missing',
      `${action}: ${object} is not in this account and region: ${text}`,
      'Compare `aws sts get-caller-identity` and coach:aws.region with where the stack was deployed; `npm run up` makes it where it is gone.',
    ],
  ],
  [
    /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    ({ action, object }, text) => [
      'aws-wrong-region',
      `${object} is in another region than the stack says (${action}): ${text}`,
      'Set coach:aws.region to the one that it was deployed to.',
    ],
  ],
  [
    /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded|LimitExceededException|SlowDown|ServiceUnavailableException|ServiceUnavailable)$/,
    ({ action, object }, text) => [
      'aws-busy',
      `AWS is busy and did not do ${action} on ${object}, asked several times: ${text}`,
      'Run it again in a minute.',
    ],
  ],
  [
    /^(TimeoutError|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)$/,
    ({ action }, text) => [
      'aws-unreachable',
      `AWS did not answer ${action}: ${text}`,
      'Check the network of this machine (proxy, VPN), and AWS_ENDPOINT_URL where it is set.',
    ],
  ],
];

/** An error of the SDK as one with a remedy. */
export function awsFailure(error: unknown, asked: AskedOfAws): unknown {
  if (error instanceof PlatformError || !(error instanceof Error)) return error;
  const names = [error.name, codeOf(error), codeOf(error.cause)].filter((name) => name !== undefined);
  const words = CAUSES.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
  const text = messageOf(error);
  const [code, message, remedy] = words?.(asked, text) ?? [
    'aws-failed',
    `AWS refused ${asked.action} on ${asked.object}: ${error.name}: ${text}`,
    'The message is AWS’s own; `npm run coachdb -- preview` shows whether the stack is as it was deployed.',
  ];
  return new PlatformError(code, message, remedy, { object: asked.object, cause: error });
}
