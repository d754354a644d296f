import type { PlatformDatabase } from '../database/connection.ts';
import type { RedisSettings } from '../volatile/redis-settings.ts';
import type { Queue } from './queue.ts';

/** Tells what a queue does in the background: `(text, error)`. */
export type QueueLog = (text: string, error?: unknown) => void;

export interface QueueArgs {
  /** In which `jobs` are; at most half of its connections are jobs' at once. */
  readonly database: PlatformDatabase;
  /** Lets workers know through BullMQ. @default none: workers ask the database, and are woken within their process */
  readonly redis?: RedisSettings;
  /** @default none */
  readonly log?: QueueLog;
}

/** Makes the queue, on Redis where there is one. Connects when it is first used. */
export declare function createQueue(args: QueueArgs): Queue;
