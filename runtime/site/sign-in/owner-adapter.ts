import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { readSignInToken, signInParameter } from '../../sign-in/token.ts';

/** Ghost's base class of adapters that sign somebody in; of the installed release, whose folder the process works in. */
const { SSOBase } = createRequire(path.join(process.cwd(), 'package.json'))('@tryghost/adapter-base-sso') as {
  SSOBase: new () => { getOwnerUser(): Promise<{ id: string } | null> };
};

/** What Ghost's configuration hands to the adapter. */
export interface OwnerAdapterSettings {
  readonly site: string;
  /** PEM of the platform's key. */
  readonly publicKey: string;
}

/** Ghost's own request, an Express one. */
interface AdminRequest extends IncomingMessage {
  originalUrl?: string;
}

/**
 * Signs the bearer of a platform's token in to Ghost Admin as the site's owner, by Ghost's own adapter for single sign-on:
 * no password is shared and none of Ghost's modules is touched. A token works once.
 */
export default class OwnerAdapter extends SSOBase {
  readonly #settings: OwnerAdapterSettings;
  /** Tokens that were used, by the second at which they expire anyway. */
  readonly #used = new Map<string, number>();

  constructor(settings: OwnerAdapterSettings) {
    super();
    this.#settings = settings;
  }

  async getRequestCredentials(request: AdminRequest): Promise<string | null> {
    const address = new URL(request.url ?? '/', 'http://site');
    const token = address.searchParams.get(signInParameter);
    if (token === null) return null;
    // Neither Ghost's log nor the page's own links are to carry it on.
    address.searchParams.delete(signInParameter);
    request.url = `${address.pathname}${address.search}`;
    const asked = new URL(request.originalUrl ?? '/', 'http://site');
    asked.searchParams.delete(signInParameter);
    request.originalUrl = `${asked.pathname}${asked.search}`;
    return token;
  }

  async getIdentityFromCredentials(token: string): Promise<string | null> {
    const now = new Date();
    const claims = readSignInToken(this.#settings.publicKey, token, this.#settings.site, now);
    for (const [id, expires] of this.#used) if (expires * 1000 < now.getTime()) this.#used.delete(id);
    if (claims === undefined || this.#used.has(claims.id)) return null;
    this.#used.set(claims.id, claims.expires);
    return 'owner';
  }

  async getUserForIdentity(): Promise<{ id: string } | null> {
    return this.getOwnerUser();
  }
}
