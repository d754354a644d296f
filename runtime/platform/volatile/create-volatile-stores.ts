import type { Redis } from 'ioredis';
import { type ExpiringStore, MemoryExpiringStore, RedisExpiringStore } from './expiring-store.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { createRedisClient } from './redis-client.ts';
import type { RedisSettings } from './redis-settings.ts';
import { StoredSessions } from './sessions.ts';
import { StoredTokens } from './tokens.ts';
import type { RateLimiter, VolatileStores } from './volatile-stores.ts';

export interface VolatileStoresOptions {
  /** @default none: in this process's memory, where a restart empties them */
  readonly redis?: RedisSettings;
  /** Milliseconds of the clock by which sessions, and in memory tokens, end. @default the system's */
  readonly now?: () => number;
  /** Told when the connection to Redis is lost or refused. @default none */
  readonly onError?: (error: Error) => void;
}

/** Makes the stores. Connects when they are first used. What is asked of them while Redis is away fails within seconds. */
export function createVolatileStores(options: VolatileStoresOptions = {}): VolatileStores {
  const { redis, now = Date.now, onError } = options;
  const client = redis && createRedisClient(redis, { maxRetriesPerRequest: 1, commandTimeout: 3_000 }, onError);
  const storeOf = (part: string): ExpiringStore =>
    client === undefined ? new MemoryExpiringStore(now) : new RedisExpiringStore(client, `platform:${part}:`);
  const limiters = new Map<string, RateLimiter>();
  return {
    sessions: new StoredSessions(storeOf('session'), now),
    tokens: new StoredTokens(storeOf('token')),
    limiter: (limit) => {
      const known = limiters.get(limit.name) ?? createRateLimiter(limit, client);
      limiters.set(limit.name, known);
      return known;
    },
    ping: async () => {
      await client?.ping();
    },
    close: async () => closeClient(client),
  };
}

/** Lets commands that are under way end, where Redis answers. */
async function closeClient(client: Redis | undefined): Promise<void> {
  if (client?.status === 'ready') await client.quit().catch(() => undefined);
  client?.disconnect();
}
