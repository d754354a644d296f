import { createPrivateKey, createPublicKey } from 'node:crypto';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

/** A pair of Ed25519 keys in PEM. */
export interface SigningKey {
  /** PKCS #8; secret. */
  readonly privateKey: pulumi.Output<string>;
  /** SPKI. */
  readonly publicKey: pulumi.Output<string>;
}

/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A generated key pair. Any 32 random bytes are an Ed25519 private key (RFC 8032, 5.1.5): the stack keeps those. */
export function createSigningKey(name: string, parent: pulumi.Resource): SigningKey {
  const seed = new random.RandomBytes(name, { length: 32 }, { parent });
  const privateKey = pulumi.secret(seed.base64.apply(privateKeyOf));
  return { privateKey, publicKey: pulumi.unsecret(privateKey.apply(publicKeyOf)) };
}

function privateKeyOf(seed: string): string {
  const key = Buffer.concat([pkcs8Prefix, Buffer.from(seed, 'base64')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }).toString();
}

function publicKeyOf(privateKey: string): string {
  return createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString();
}
