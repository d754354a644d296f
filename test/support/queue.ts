import { afterAll, afterEach, beforeAll } from 'vitest';
import { z } from 'zod';
import { createQueue } from '../../runtime/platform/queue/create-queue.ts';
import { defineJob, type JobDefinitionArgs } from '../../runtime/platform/queue/definition.ts';
import { findJob, type JobView } from '../../runtime/platform/queue/inspection.ts';
import type { Queue, Worker, WorkOptions } from '../../runtime/platform/queue/queue.ts';
import type { JobHandler } from '../../runtime/platform/queue/running-job.ts';
import type { TestPlatform } from './platform-database.ts';
import { startTestRedis, type TestRedis } from './redis-server.ts';

export const queueBackends = ['in process', 'BullMQ and Redis'] as const;
export type QueueBackend = (typeof queueBackends)[number];

/** The queue on one of its backends, for the tests of one group. */
export interface TestQueue {
  queue: Queue;
  /** Undefined where the backend needs none. */
  redis: TestRedis | undefined;
  /** What the queue said in the background. */
  readonly said: string[];
  /** Another queue on the same rows and the same Redis: another process, as far as these know. */
  another(): Queue;
  /** Runs jobs until the test is over, looking at the rows five times a second. */
  work(handlers: readonly JobHandler[], options?: WorkOptions & { readonly queue?: Queue }): Promise<Worker>;
  /** Waits until a job is in one of the states, for 20 seconds. */
  until(id: string, ...states: JobView['state'][]): Promise<JobView>;
}

/** Makes a queue before the tests of the calling group, and ends its workers after each. */
export function useQueue(platform: TestPlatform, backend: QueueBackend): TestQueue {
  const workers: Worker[] = [];
  const queues: Queue[] = [];
  const said: string[] = [];
  const another = () => {
    const { database } = platform;
    const log = (text: string, error?: unknown) => said.push(`${text}: ${error}`);
    const queue = createQueue({ database, log, ...(shared.redis === undefined ? {} : { redis: shared.redis }) });
    queues.push(queue);
    return queue;
  };
  const shared: TestQueue = {
    said,
    another,
    redis: undefined,
    queue: undefined as unknown as Queue,
    async work(handlers, { queue = shared.queue, ...options } = {}) {
      const worker = await queue.work(handlers, { pollMs: 200, ...options });
      workers.push(worker);
      return worker;
    },
    async until(id, ...states) {
      const find = () => platform.database.asFleet((db) => findJob(db, id));
      for (const deadline = Date.now() + 20_000; ; ) {
        const job = await find();
        if (job !== undefined && states.includes(job.state)) return job;
        if (Date.now() > deadline) throw new Error(`not ${states.join(' or ')} in time: ${JSON.stringify(job)}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
  };
  beforeAll(async () => {
    if (backend === 'BullMQ and Redis') shared.redis = await startTestRedis(platform.dir);
    shared.queue = another();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop(0)));
  });
  afterAll(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await shared.redis?.stop();
  });
  return shared;
}

let kinds = 0;

/** A kind of its own for a test, which takes a number and does not wait long for anything. */
export function testJob(args: Partial<JobDefinitionArgs<{ n: number }, { n: number }>> = {}) {
  kinds += 1;
  return defineJob({
    kind: `test.${kinds}`,
    payload: z.object({ n: z.number() }),
    backoff: { firstMs: 40, longestMs: 100 },
    leaseMs: 10_000,
    ...args,
  });
}
