import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

/**
 * A generated password of 48 hexadecimal digits, which needs no escaping anywhere. Bytes, not RandomPassword: that one
 * computes a bcrypt hash that nobody reads.
 */
export function createPassword(name: string, parent: pulumi.Resource): pulumi.Output<string> {
  return pulumi.secret(new random.RandomBytes(name, { length: 24 }, { parent }).hex);
}
