/** Names of variables that open something: clouds, Pulumi's service and secrets, databases, GitHub. */
const CREDENTIALS = /^(AWS_|PULUMI_ACCESS_TOKEN$|PULUMI_CONFIG_PASSPHRASE|PG|DATABASE_URL$|DIRECT_URL$|GITHUB_TOKEN$)/;

/** The environment for what needs none of them: a graph, and a process that waits to be told what it is for. */
export function withoutCredentials(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !CREDENTIALS.test(name)));
}
