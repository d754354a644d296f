import { Redis, type RedisOptions } from 'ioredis';
import type { RedisSettings } from './redis-settings.ts';

/**
 * Makes a client that keeps coming back to Redis, and connects when it is first used. Errors of the connection go to
 * `onError`, those of a command to who sent it.
 */
export function createRedisClient(
  settings: RedisSettings,
  options: RedisOptions,
  onError: (error: Error) => void = () => undefined,
): Redis {
  const { host, port, user, password, tls } = settings;
  const client = new Redis({
    host,
    port,
    lazyConnect: true,
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(100 * times, 2_000),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === true ? { tls: {} } : {}),
    ...options,
  });
  client.on('error', onError);
  return client;
}
