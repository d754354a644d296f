import type { Redis } from 'ioredis';

/** Texts that are kept for a while. */
export interface ExpiringStore {
  set(key: string, text: string, lifetimeMs: number): Promise<void>;
  get(key: string): Promise<string | undefined>;
  /** Gives a text to one of all that ask for it so. */
  take(key: string): Promise<string | undefined>;
  delete(key: string): Promise<void>;
}

/** In Redis, which ends them by itself. */
export class RedisExpiringStore implements ExpiringStore {
  readonly #client: Redis;
  readonly #prefix: string;

  constructor(client: Redis, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async set(key: string, text: string, lifetimeMs: number): Promise<void> {
    await this.#client.set(this.#prefix + key, text, 'PX', lifetimeMs);
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#client.get(this.#prefix + key)) ?? undefined;
  }

  async take(key: string): Promise<string | undefined> {
    return (await this.#client.getdel(this.#prefix + key)) ?? undefined;
  }

  async delete(key: string): Promise<void> {
    await this.#client.del(this.#prefix + key);
  }
}

/** How often what has ended is cleared away. */
const sweepMs = 60_000;

/** In this process. */
export class MemoryExpiringStore implements ExpiringStore {
  readonly #now: () => number;
  readonly #entries = new Map<string, { readonly text: string; readonly until: number }>();
  #nextSweep = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Entries that take memory, ended ones too. */
  get size(): number {
    return this.#entries.size;
  }

  async set(key: string, text: string, lifetimeMs: number): Promise<void> {
    this.#sweep();
    this.#entries.set(key, { text, until: this.#now() + lifetimeMs });
  }

  async get(key: string): Promise<string | undefined> {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.#now() ? entry.text : undefined;
  }

  async take(key: string): Promise<string | undefined> {
    // No other call comes between: what is async here runs to its end at once.
    const text = this.get(key);
    this.#entries.delete(key);
    return text;
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  #sweep(): void {
    const now = this.#now();
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + sweepMs;
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
  }
}
