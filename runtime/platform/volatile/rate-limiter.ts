import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimit, RateLimiter, RateVerdict } from './volatile-stores.ts';

/** Counts in Redis where there is one; while it is away, each process counts for itself. */
export function createRateLimiter({ name, points, windowSeconds }: RateLimit, client?: Redis): RateLimiter {
  const options = { keyPrefix: `platform:limit:${name}`, points, duration: windowSeconds };
  const memory = new RateLimiterMemory(options);
  const limiter =
    client === undefined ? memory : new RateLimiterRedis({ ...options, storeClient: client, insuranceLimiter: memory });
  return {
    take: async (key) => {
      try {
        return toVerdict(await limiter.consume(key), true);
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return toVerdict(refusal, false);
        throw refusal;
      }
    },
    reset: async (key) => {
      await Promise.all([limiter.delete(key), memory.delete(key)]);
    },
  };
}

function toVerdict({ remainingPoints, msBeforeNext }: RateLimiterRes, allowed: boolean): RateVerdict {
  return { allowed, remaining: remainingPoints, resetMs: msBeforeNext };
}
