import type fastifySession from '@fastify/session';

/** Keeps sessions for @fastify/session, each until its cookie ends. */
export type SessionStore = fastifySession.SessionStore;

/** A session as @fastify/session hands it to its store, and takes it back. */
export type Session = Parameters<SessionStore['set']>[1];

/** What a limiter says to one request. */
export interface RateVerdict {
  readonly allowed: boolean;
  /** Requests that are left in this window. */
  readonly remaining: number;
  /** Milliseconds until the window begins anew; for `Retry-After` where the request is refused. */
  readonly resetMs: number;
}

export interface RateLimit {
  /** Names the limit, such as `sign-in`: its counts are apart from those of others. */
  readonly name: string;
  /** Requests in one window. */
  readonly points: number;
  readonly windowSeconds: number;
}

export interface RateLimiter {
  /** Counts a request of `key` (an address, an account) and says whether it may go on. Counts in this process while Redis is away. */
  take(key: string): Promise<RateVerdict>;
  /** Forgets what `key` has used. */
  reset(key: string): Promise<void>;
}

/** Tokens for links in e-mails: long, random, kept as a hash, with an end, taken once. */
export interface OneTimeTokens {
  /**
   * Makes a token.
   *
   * @param purpose tells sorts of tokens apart: one that was made for another is not taken
   * @param data JSON that comes back to who consumes it
   */
  issue(purpose: string, data: unknown, lifetimeSeconds: number): Promise<string>;
  /**
   * Takes a token: of all that try, at once or later, one gets its data.
   *
   * @returns undefined where the token is unknown, too old or taken
   */
  consume(purpose: string, token: string): Promise<unknown>;
}

/** What the platform may lose without harm: people sign in again, links are asked for again, counts begin anew. */
export interface VolatileStores {
  readonly sessions: SessionStore;
  readonly tokens: OneTimeTokens;
  /** One for each name: the same each time it is asked for. */
  limiter(limit: RateLimit): RateLimiter;
  /** Whether Redis answers; at once where there is none. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
