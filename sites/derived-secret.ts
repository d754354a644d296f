import { createHmac } from 'node:crypto';

/** What a secret of a site that is derived from one key is for. */
export type SecretPurpose = 'reader-password' | 'analytics-token';

/**
 * A secret of one site, derived from a key that only the platform and whoever provisions sites have: the platform reaches
 * every site with one secret of its own, and what one site is told says nothing about another's.
 *
 * @param key random text of the platform, at least 32 characters
 * @returns 43 characters of base64url (HMAC-SHA-256)
 */
export function deriveSecret(key: string, purpose: SecretPurpose, slug: string): string {
  if (key.length < 32)
    throw new RangeError(`key of the sites' secrets: expected 32 characters or more; got ${key.length}`);
  return createHmac('sha256', key).update(`${purpose}:${slug}`).digest('base64url');
}
