import { messageOf, PlatformError } from '../../system/errors';

export interface MasterLogin {
  username: string;
  password: string;
}

/** The administrator of an RDS instance, whose password RDS keeps in Secrets Manager and changes by itself: to be read each time. Throws `master-secret`. */
export async function masterSecret(secretArn: string, region: string): Promise<MasterLogin> {
  // It would tell every user of Node.js 20 on stderr what later versions of the SDK need; this one is pinned.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManager({ region, requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000 } });
  try {
    const { SecretString = '' } = await client.getSecretValue({ SecretId: secretArn });
    return loginOf(SecretString);
  } catch (cause) {
    throw new PlatformError(
      'master-secret',
      `The administrator’s password could not be read from secret ${secretArn}: ${messageOf(cause)}`,
      'Whoever reads it needs secretsmanager:GetSecretValue on the secret, kms:Decrypt on its key, and a way to Secrets Manager (its endpoint in the network).',
      { object: secretArn, cause },
    );
  } finally {
    client.destroy();
  }
}

/** What is wrong with it is said without a word of it. */
function loginOf(text: string): MasterLogin {
  let value: Partial<MasterLogin> | null = null;
  try {
    value = JSON.parse(text) as Partial<MasterLogin> | null;
  } catch {
    // As one that holds neither.
  }
  const { username, password } = value ?? {};
  if (typeof username === 'string' && typeof password === 'string') return { username, password };
  throw new Error('it holds no username and password as JSON');
}
