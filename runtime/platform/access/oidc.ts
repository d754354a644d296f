import * as oidc from 'openid-client';
import type { OidcSettings } from '../config.ts';

/** What has to be kept between the redirect to a provider and its answer. */
export interface PendingSignIn {
  readonly state: string;
  readonly verifier: string;
  readonly nonce: string;
}

/** Signs people in by an OpenID provider: authorization code with PKCE, state and nonce. */
export class OidcClient {
  readonly #settings: OidcSettings;
  readonly #redirectUri: string;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(settings: OidcSettings, platformUrl: URL) {
    this.#settings = settings;
    this.#redirectUri = new URL('/sign-in/oidc/callback', platformUrl).href;
  }

  /** Where to send the browser, and what to keep in its session meanwhile. */
  async begin(): Promise<{ readonly url: string; readonly pending: PendingSignIn }> {
    const configuration = await this.#discover();
    const pending = {
      state: oidc.randomState(),
      verifier: oidc.randomPKCECodeVerifier(),
      nonce: oidc.randomNonce(),
    };
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUri,
      scope: 'openid email',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, pending };
  }

  /**
   * The address that the provider vouches for: of its ID token, or, where that names none, of its endpoint for the
   * user's data (OpenID Connect Core 1.0, 5.4).
   *
   * @param query of the request with which the browser came back
   * @returns undefined where the provider does not say that the address was verified
   * @throws the library's error where answer, state or token are not genuine
   */
  async finish(query: string, pending: PendingSignIn): Promise<string | undefined> {
    const configuration = await this.#discover();
    const answer = new URL(`${this.#redirectUri}${query}`);
    const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
    });
    const identity = tokens.claims();
    const claims =
      identity === undefined || identity.email !== undefined
        ? identity
        : await oidc.fetchUserInfo(configuration, tokens.access_token, identity.sub);
    return claims?.email_verified === true && typeof claims.email === 'string' ? claims.email : undefined;
  }

  /** The provider's description of itself; asked for again after a failure. */
  #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    // Only a provider on this very machine may do without TLS.
    const local = issuer.protocol === 'http:' && /^(localhost|127\.0\.0\.1)$/.test(issuer.hostname);
    const options = local ? { execute: [oidc.allowInsecureRequests] } : {};
    this.#configuration ??= oidc.discovery(issuer, clientId, clientSecret, undefined, options).catch((error) => {
      this.#configuration = undefined;
      throw error;
    });
    return this.#configuration;
  }
}
