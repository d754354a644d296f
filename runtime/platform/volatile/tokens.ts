import { createHash, randomBytes } from 'node:crypto';
import type { ExpiringStore } from './expiring-store.ts';
import type { OneTimeTokens } from './volatile-stores.ts';

/** Tokens of 32 random bytes; what is kept is their SHA-256, from which nobody gets them back. */
export class StoredTokens implements OneTimeTokens {
  readonly #store: ExpiringStore;

  constructor(store: ExpiringStore) {
    this.#store = store;
  }

  async issue(purpose: string, data: unknown, lifetimeSeconds: number): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await this.#store.set(keyOf(purpose, token), JSON.stringify(data), lifetimeSeconds * 1000);
    return token;
  }

  async consume(purpose: string, token: string): Promise<unknown> {
    const text = await this.#store.take(keyOf(purpose, token));
    return text === undefined ? undefined : JSON.parse(text);
  }
}

function keyOf(purpose: string, token: string): string {
  return createHash('sha256').update(`${purpose}\0${token}`).digest('hex');
}
