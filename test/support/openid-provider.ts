import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** Somebody whom the provider knows: what they type as their login, and what it says of them. */
export interface OpenIdPerson {
  readonly login: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

export interface OpenIdProvider {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  stop(): Promise<void>;
}

/**
 * Starts an OpenID provider on loopback, of the library that its certification names, with one client: the platform.
 *
 * @param redirectUri of the client
 * @param hasClaimsInIdToken whether the address stands in the ID token, as some providers have it, or only at its
 *   endpoint for the user's data, as OpenID Connect Core 5.4 has it
 */
export async function startOpenIdProvider(
  people: readonly OpenIdPerson[],
  { redirectUri, hasClaimsInIdToken }: { readonly redirectUri: string; readonly hasClaimsInIdToken: boolean },
): Promise<OpenIdProvider> {
  const client = { clientId: 'ghost-fleet', clientSecret: 'a secret of the client, long enough for its kind' };
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const provider = new Provider(issuer.origin, {
    clients: [{ client_id: client.clientId, client_secret: client.clientSecret, redirect_uris: [redirectUri] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: !hasClaimsInIdToken,
    cookies: { keys: ['of a test'] },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    findAccount: (_context, login) => {
      const person = people.find((one) => one.login === login);
      if (person === undefined) return undefined;
      const { email, emailVerified } = person;
      return { accountId: login, claims: () => ({ sub: login, email, email_verified: emailVerified }) };
    },
  });
  server.on('request', provider.callback());
  return {
    issuer,
    ...client,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * What a person does in a browser at the provider: follows its redirects, types the login, says yes.
 *
 * @param start where the platform sent the browser
 * @param platform origin at which the provider's part ends
 * @returns path and query with which the browser comes back to the platform
 */
export async function visitOpenIdProvider(start: string, login: string, platform: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = start;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 20; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    const body = await answer.text();
    const location = answer.headers.get('location');
    if (location !== null) {
      const next = new URL(location, url);
      if (next.origin === platform) return `${next.pathname}${next.search}`;
      url = next.href;
      form = undefined;
    } else {
      const action = /<form[^>]* action="([^"]+)"/.exec(body)?.[1];
      const prompt = /name="prompt" value="([^"]+)"/.exec(body)?.[1];
      if (action === undefined || prompt === undefined)
        throw new Error(`the provider answered ${answer.status}: ${body}`);
      url = new URL(action, url).href;
      form = new URLSearchParams({ prompt, login, password: 'any' });
    }
  }
  throw new Error('the provider never sent the browser back');
}
