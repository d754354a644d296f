import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueSignInToken, publicKeyOf, readSignInToken, signInSeconds } from '../../../runtime/sign-in/token.ts';

const now = new Date('2026-11-26T10:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const keyPem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const privateKey = keyPem();
const publicKey = publicKeyOf(privateKey);

describe('a sign-in token', () => {
  it('is accepted by its site, within its minute', () => {
    const token = issueSignInToken(privateKey, 'aurora-letters', now);
    expect(readSignInToken(publicKey, token, 'aurora-letters', later(signInSeconds - 1))).toMatchObject({
      site: 'aurora-letters',
    });
    expect(readSignInToken(publicKey, token, 'aurora-letters', later(signInSeconds))).toBeUndefined();
    expect(readSignInToken(publicKey, token, 'harbour-notes', now)).toBeUndefined();
  });

  it('differs each time', () => {
    expect(issueSignInToken(privateKey, 'aurora-letters', now)).not.toBe(
      issueSignInToken(privateKey, 'aurora-letters', now),
    );
  });

  it('is refused where it was changed, signed by another key, or is no token', () => {
    const [body = '', signature = ''] = issueSignInToken(privateKey, 'aurora-letters', now).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...claims, site: 'harbour-notes' })).toString('base64url');
    const forged = issueSignInToken(keyPem(), 'aurora-letters', now);
    for (const [token, site] of [
      [`${changed}.${signature}`, 'harbour-notes'],
      [forged, 'aurora-letters'],
      [`${body}.${signature}.x`, 'aurora-letters'],
      [body, 'aurora-letters'],
      ['', 'aurora-letters'],
      ['%.%', 'aurora-letters'],
    ] as const) {
      expect(readSignInToken(publicKey, token, site, now), token).toBeUndefined();
    }
  });
});
