import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenIdProvider, startOpenIdProvider, visitOpenIdProvider } from '../../support/openid-provider.ts';
import { registerSite, usePlatformService } from '../../support/platform-service.ts';
import { WebClient } from '../../support/web-client.ts';

const platform = 'http://platform.localhost:3000';
const people = [
  { login: 'mira', email: 'Mira@example.com', emailVerified: true },
  { login: 'unverified', email: 'mira@example.com', emailVerified: false },
  { login: 'stranger', email: 'stranger@example.com', emailVerified: true },
];

describe.each([
  { where: 'in the ID token', hasClaimsInIdToken: true },
  { where: "at the endpoint for the user's data", hasClaimsInIdToken: false },
])('a provider that names the address $where', ({ hasClaimsInIdToken }) => {
  let provider: OpenIdProvider;
  const service = usePlatformService({
    async config() {
      provider = await startOpenIdProvider(people, {
        redirectUri: `${platform}/sign-in/oidc/callback`,
        hasClaimsInIdToken,
      });
      const { issuer, clientId, clientSecret } = provider;
      return { oidc: { issuer, clientId, clientSecret } };
    },
  });
  beforeAll(async () => {
    await registerSite(service, 'aurora-letters', 'mira@example.com');
  });
  afterAll(async () => {
    await provider?.stop();
  });

  /** Signs in as somebody. @returns the browser, and where it came back to */
  async function visit(login: string): Promise<{ readonly client: WebClient; readonly back: string }> {
    const client = new WebClient(service.app);
    expect((await client.get('/sign-in')).body).toContain('href="/sign-in/oidc"');
    const { location = '' } = await client.get('/sign-in/oidc');
    expect(new URL(location).origin).toBe(provider.issuer.origin);
    return { client, back: await visitOpenIdProvider(location, login, platform) };
  }

  it('signs in who has an account here, once', async () => {
    const { client, back } = await visit('mira');
    const entered = await client.get(back);
    expect([entered.status, entered.location]).toEqual([302, '/']);
    expect((await client.get('/sites')).body).toContain('aurora-letters');
    expect((await client.get(back)).status).toBe(403);
  });

  it('signs in nobody whose address is not verified, or is not known here, and says why in its log', async () => {
    for (const [login, reason] of [
      ['unverified', 'does not vouch'],
      ['stranger', 'no account has'],
    ] as const) {
      const { client, back } = await visit(login);
      expect((await client.get(back)).status, login).toBe(403);
      expect((await client.get('/sites')).location, login).toMatch(/^\/sign-in/);
      expect(service.log.at(-1), login).toContain(reason);
    }
  });

  it("takes no answer that is another browser's, or forged, and keeps codes out of its log", async () => {
    const { back } = await visit('mira');
    const other = new WebClient(service.app);
    await other.get('/sign-in/oidc');
    expect((await other.get(back)).status).toBe(403);
    const { client, back: own } = await visit('mira');
    const forged = own.replace(/code=[^&]+/, 'code=forged');
    expect((await client.get(forged)).status).toBe(403);
    const code = new URL(own, platform).searchParams.get('code') ?? 'none';
    expect(service.log.join('\n')).toContain('sign-in by OpenID failed');
    expect(service.log.join('\n')).not.toContain(code);
  });
});

describe('a provider that does not answer', () => {
  const service = usePlatformService({
    config: { oidc: { issuer: new URL('http://127.0.0.1:9'), clientId: 'id', clientSecret: 'secret' } },
  });

  it('is said on the page, which offers the link by mail', async () => {
    const client = new WebClient(service.app);
    const asked = await client.get('/sign-in/oidc');
    expect(asked.status).toBe(503);
    expect(asked.body).toContain('href="/sign-in"');
    expect(service.log.at(-1)).toContain('sign-in by OpenID failed');
  });
});
