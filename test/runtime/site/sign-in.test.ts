import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueSignInToken, publicKeyOf, signInParameter } from '../../../runtime/sign-in/token.ts';
import { owner } from '../../support/fixtures.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { SiteUnderTest, siteEnvironment, temporaryDir } from '../../support/site-process.ts';

const slug = 'signed-in-to';
const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const address = (token: string) => `/ghost/?${signInParameter}=${encodeURIComponent(token)}`;

let files: { dir: string; remove: () => Promise<void> };
let env: Record<string, string>;
let site: SiteUnderTest;
beforeAll(async () => {
  files = await temporaryDir();
  const place = await siteEnvironment({ dir: files.dir, slug, title: slug, strategy: 'sqlite' });
  env = { ...place, PLATFORM_PUBLIC_KEY: publicKeyOf(privateKey) };
  site = await new SiteUnderTest(env).ready();
  await new GhostAdmin(env).setUp(owner);
});
afterAll(async () => {
  await site?.stop();
  await files?.remove();
});

/** Opens Ghost Admin with a token, then asks Ghost who that made of the browser. */
async function whoIs(token: string): Promise<{ readonly role: string; readonly email: string } | number> {
  const base = `http://127.0.0.1:${env.PORT}`;
  const opened = await fetch(`${base}${address(token)}`, { headers: { host: new URL(env.SITE_URL ?? '').host } });
  const cookie = opened.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const me = await fetch(`${base}/ghost/api/admin/users/me/?include=roles`, {
    headers: { cookie, origin: env.SITE_URL ?? '' },
  });
  if (me.status !== 200) return me.status;
  const { users } = (await me.json()) as { users: { email: string; roles: { name: string }[] }[] };
  return { email: users[0]?.email ?? '', role: users[0]?.roles[0]?.name ?? '' };
}

describe("the platform's way into Ghost Admin", () => {
  it('makes its bearer the owner, once, and the token reaches no log', async () => {
    const token = issueSignInToken(privateKey, slug, new Date());
    expect(await whoIs(token)).toEqual({ email: owner.email, role: 'Owner' });
    expect(await whoIs(token)).toBe(403);
    expect(site.output).toContain('"GET /ghost/');
    expect(site.output).not.toContain(token.split('.')[1]);
  });

  it('does not open for a token of another site, of another key, or of yesterday', async () => {
    const other = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const token of [
      issueSignInToken(privateKey, 'another-site', new Date()),
      issueSignInToken(other, slug, new Date()),
      issueSignInToken(privateKey, slug, yesterday),
      'nonsense',
    ]) {
      expect(await whoIs(token)).toBe(403);
    }
  });
});
