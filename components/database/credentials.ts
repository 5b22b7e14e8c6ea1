import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

export interface CredentialsArgs {
  /** Roles that log in; each gets a password of its own. */
  roles: readonly string[];
  /** Passwords that are known already, by role: none is made for those. */
  given?: ReadonlyMap<string, pulumi.Output<string>>;
  /** Length of a password in characters. Letters and digits only, so that it fits into a URL unescaped. @default 32 */
  length?: number;
}

/**
 * One password per login role, generated where none was given. Rotation replaces the password (`up --rotate-password ROLE`); what uses it follows
 * in the same run.
 */
export class Credentials extends pulumi.ComponentResource {
  private readonly passwords: ReadonlyMap<string, pulumi.Output<string>>;

  constructor(name: string, args: CredentialsArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:database:Credentials', name, {}, options);
    const length = args.length ?? 32;
    this.passwords = new Map(
      args.roles.map((role) => {
        const given = args.given?.get(role);
        if (given !== undefined) return [role, given];
        const password = new random.RandomPassword(`${name}-${role}`, { length, special: false }, { parent: this });
        return [role, password.result];
      }),
    );
    this.registerOutputs({});
  }

  /** The password of a role named in `roles`. */
  of(role: string): pulumi.Output<string> {
    const password = this.passwords.get(role);
    if (password === undefined)
      throw new pulumi.RunError(`No credentials were made for role ${role}: add it to the roles of Credentials.`);
    return password;
  }
}
