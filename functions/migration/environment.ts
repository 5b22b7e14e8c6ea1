import { PlatformError } from '../../system/errors';

/** What the function is told of where it works: nothing in it is secret. */
export interface Surroundings {
  host: string;
  port: number;
  database: string;
  /** ARN of the administrator's secret, which RDS rotates. */
  masterSecret: string;
  /** The bucket of the migrations' archives. */
  bucket: string;
  stack: string;
  region: string;
  /** An authority beside Amazon's. */
  caFile: string | undefined;
  /** The SDK's own variables, which emulators set. */
  endpoints: { secretsManager: string | undefined; s3: string | undefined };
}

export function surroundings(environment: NodeJS.ProcessEnv): Surroundings {
  const value = (name: string): string => {
    const found = environment[name];
    if (found !== undefined && found !== '') return found;
    throw new PlatformError(
      'environment-incomplete',
      `The migration function's environment has no ${name}.`,
      'Run `npm run up`: it sets the function as it is declared.',
      { object: name },
    );
  };
  const all = environment['AWS_ENDPOINT_URL'];
  return {
    host: value('COACH_DATABASE_HOST'),
    port: Number(value('COACH_DATABASE_PORT')),
    database: value('COACH_DATABASE_NAME'),
    masterSecret: value('COACH_MASTER_SECRET'),
    bucket: value('COACH_ARTIFACTS_BUCKET'),
    stack: value('COACH_STACK'),
    region: value('AWS_REGION'),
    caFile: environment['COACH_DATABASE_CA_FILE'],
    endpoints: {
      secretsManager: environment['AWS_ENDPOINT_URL_SECRETS_MANAGER'] ?? all,
      s3: environment['AWS_ENDPOINT_URL_S3'] ?? all,
    },
  };
}
