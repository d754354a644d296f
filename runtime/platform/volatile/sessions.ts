import type { ExpiringStore } from './expiring-store.ts';
import type { Session, SessionStore } from './volatile-stores.ts';

/** A session whose cookie has no end (it goes with the browser) is kept for this long after its last use. */
const endlessMs = 24 * 3_600_000;

type SetCallback = Parameters<SessionStore['set']>[2];
type GetCallback = Parameters<SessionStore['get']>[1];

/** Sessions for @fastify/session, each kept as JSON for as long as its cookie lives. */
export class StoredSessions implements SessionStore {
  readonly #store: ExpiringStore;
  readonly #now: () => number;

  constructor(store: ExpiringStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  set(id: string, session: Session, callback: SetCallback): void {
    const { expires } = session.cookie;
    const lifetimeMs = expires instanceof Date ? expires.getTime() - this.#now() : endlessMs;
    const kept = lifetimeMs > 0 ? this.#store.set(id, JSON.stringify(session), lifetimeMs) : this.#store.delete(id);
    answer(kept, callback);
  }

  get(id: string, callback: GetCallback): void {
    answer(this.#store.get(id).then(parse), callback);
  }

  destroy(id: string, callback: SetCallback): void {
    answer(this.#store.delete(id), callback);
  }
}

function parse(text: string | undefined): Session | null {
  if (text === undefined) return null;
  const session = JSON.parse(text) as Session;
  const { expires } = session.cookie;
  // JSON has no dates, and a cookie's end is compared as one.
  if (typeof expires === 'string') session.cookie.expires = new Date(expires);
  return session;
}

/** Calls back outside of the promise, so that what the callback throws is not taken for the store's failure. */
function answer<T>(promise: Promise<T>, callback: (error: unknown, value?: T) => void): void {
  promise.then(
    (value) => process.nextTick(callback, null, value),
    (error: unknown) => process.nextTick(callback, error),
  );
}
