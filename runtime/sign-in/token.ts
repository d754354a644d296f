import { createPrivateKey, createPublicKey, randomUUID, sign, verify } from 'node:crypto';

/** What a sign-in token says: for one site, once, for a minute. */
export interface SignInClaims {
  /** Slug of the only site that accepts it. */
  readonly site: string;
  /** Of this one token, so that a site can refuse it the second time. */
  readonly id: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/** Name of the query parameter that brings a token to a site's Ghost Admin. */
export const signInParameter = 'platform-sign-in';

/** How long a token is good for. */
export const signInSeconds = 60;

/**
 * Makes a token with which the platform signs somebody in to a site's Ghost Admin as its owner: claims and an Ed25519
 * signature, both base64url, joined by a dot. Sites know the public key alone, so none of them can make one.
 *
 * @param privateKey PEM, PKCS #8
 */
export function issueSignInToken(privateKey: string, site: string, now: Date): string {
  const claims: SignInClaims = { site, id: randomUUID(), expires: Math.floor(now.getTime() / 1000) + signInSeconds };
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${body}.${sign(null, Buffer.from(body), createPrivateKey(privateKey)).toString('base64url')}`;
}

/**
 * The claims of a token, or undefined where it is forged, expired or for another site. That it comes once is for the
 * caller to see to.
 *
 * @param publicKey PEM, SPKI
 */
export function readSignInToken(publicKey: string, token: string, site: string, now: Date): SignInClaims | undefined {
  const [body, signature, ...rest] = token.split('.');
  if (body === undefined || signature === undefined || rest.length > 0) return undefined;
  const genuine = verify(null, Buffer.from(body), createPublicKey(publicKey), Buffer.from(signature, 'base64url'));
  if (!genuine) return undefined;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as SignInClaims;
  return claims.site === site && claims.expires * 1000 > now.getTime() ? claims : undefined;
}

/** Public half of a private key, PEM to PEM, as sites are given it. */
export function publicKeyOf(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}
