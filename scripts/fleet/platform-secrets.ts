import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { publicKeyOf } from '../../runtime/sign-in/token.ts';
import { deriveSecret } from '../../sites/derived-secret.ts';
import type { StateDir } from './state-dir.ts';

/** Names of the platform's secrets in the fleet's folder; each is made when it is first needed. */
export const platformSecrets = {
  owner: 'platform-owner-password',
  app: 'platform-app-password',
  session: 'platform-session-secret',
  signIn: 'platform-sign-in-key',
  analytics: 'platform-analytics-key',
} as const;

export type PlatformSecret = keyof typeof platformSecrets;

export function platformSecret(state: StateDir, secret: PlatformSecret): Promise<string> {
  return state.secret(platformSecrets[secret], secret === 'signIn' ? makeSigningKey : makePassword);
}

/** The half of the platform's signing key that sites are given, PEM. */
export async function platformPublicKey(state: StateDir): Promise<string> {
  return publicKeyOf(await platformSecret(state, 'signIn'));
}

/** Password of a site's analytics role. */
export async function readerPassword(state: StateDir, slug: string): Promise<string> {
  return deriveSecret(await platformSecret(state, 'analytics'), 'reader-password', slug);
}

/** File with the token by which the platform asks a site's probe port for its numbers. */
export async function analyticsTokenFile(state: StateDir, slug: string): Promise<string> {
  const token = deriveSecret(await platformSecret(state, 'analytics'), 'analytics-token', slug);
  const name = `${slug}-analytics-token`;
  await state.secret(name, () => token);
  return state.secretFile(name);
}

function makePassword(): string {
  return randomBytes(32).toString('base64url');
}

function makeSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
