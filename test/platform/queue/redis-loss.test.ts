import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { handle } from '../../../runtime/platform/queue/running-job.ts';
import { createRedisClient } from '../../../runtime/platform/volatile/redis-client.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';
import { testJob, useQueue } from '../../support/queue.ts';
import { startTestRedis } from '../../support/redis-server.ts';

const platform = usePlatformDatabase();

describe('a queue whose Redis is lost', () => {
  const jobs = useQueue(platform, 'BullMQ and Redis');
  const definition = testJob({ concurrency: 2 });
  const ran = new Map<string, number>();

  /** Two at once, each until it is let go. */
  const gates: (() => void)[] = [];
  const handler = handle(definition, async (job) => {
    ran.set(job.id, (ran.get(job.id) ?? 0) + 1);
    await job.externalStep('wait', () => new Promise<void>((resolve) => gates.push(resolve)));
  });
  const openGates = () => {
    for (const open of gates.splice(0)) open();
  };

  const enqueueMany = async (count: number, runAt?: Date) => {
    const ids: string[] = [];
    await platform.database.asFleet(async (db) => {
      for (let n = 0; n < count; n += 1) {
        const request = { payload: { n }, creatorId: null, ...(runAt === undefined ? {} : { runAt }) };
        ids.push((await jobs.queue.enqueue(db, definition, request)).id);
      }
    });
    return ids;
  };

  const finish = async (ids: readonly string[]) => {
    const opening = setInterval(openGates, 20);
    try {
      for (const id of ids) expect(await jobs.until(id, 'done')).toMatchObject({ runs: 1 });
    } finally {
      clearInterval(opening);
    }
    expect(ids.map((id) => ran.get(id))).toEqual(ids.map(() => 1));
  };

  it('does every job once when all of its keys go, whether it waits, runs, or is not yet due', async () => {
    await jobs.work([handler], { pollMs: 500 });
    const ids = await enqueueMany(6);
    ids.push(...(await enqueueMany(2, new Date(Date.now() + 1_500))));
    await expect.poll(() => gates.length, { timeout: 10_000 }).toBe(2);
    const redis = jobs.redis;
    if (redis === undefined) throw new Error('expected Redis');
    const client = createRedisClient(redis, {});
    expect((await client.keys('*')).length).toBeGreaterThan(8);
    await client.flushall();
    client.disconnect();
    await finish(ids);
  });

  it('does what was enqueued before, while and after it was away, once', async () => {
    const lost = jobs.redis;
    if (lost === undefined) throw new Error('expected Redis');
    const worker = await jobs.work([handler], { pollMs: 500 });
    const ids = await enqueueMany(4);
    await expect.poll(() => gates.length, { timeout: 10_000 }).toBe(2);
    await lost.kill();
    ids.push(...(await enqueueMany(3)));
    // Those that run do not need it to end.
    openGates();
    await expect
      .poll(
        async () =>
          (await platform.database.asFleet((db) => db('jobs').where({ state: 'done' }).whereIn('id', ids))).length,
        {
          timeout: 10_000,
        },
      )
      .toBe(2);
    jobs.redis = await startTestRedis(platform.dir, { port: lost.port });
    ids.push(...(await enqueueMany(3)));
    await finish(ids);
    await worker.stop();
  });

  it('does not keep anybody who enqueues, nor a worker that stops', async () => {
    const worker = await jobs.work([handler], { pollMs: 500 });
    await jobs.redis?.kill();
    const began = Date.now();
    const [id = ''] = await enqueueMany(1);
    expect(Date.now() - began).toBeLessThan(5_000);
    await worker.stop(100);
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await jobs.until(id, 'waiting')).toMatchObject({ runs: 0 });
  });

  it('does what it is asked for where it came up before Redis', async () => {
    const lost = jobs.redis;
    if (lost === undefined) throw new Error('expected Redis');
    await lost.kill();
    await jobs.work([handler], { pollMs: 500 });
    const ids = await enqueueMany(1);
    // Long enough for clients to have tried in vain.
    await sleep(1_500);
    jobs.redis = await startTestRedis(platform.dir, { port: lost.port });
    ids.push(...(await enqueueMany(1)));
    await finish(ids);
  });
});
