import { describe, expect, it } from 'vitest';
import { countJobs, listJobs, pruneJobs } from '../../../runtime/platform/queue/inspection.ts';
import { handle } from '../../../runtime/platform/queue/running-job.ts';
import { lastTick, schedule } from '../../../runtime/platform/queue/schedules.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';
import { testJob, useQueue } from '../../support/queue.ts';

const platform = usePlatformDatabase();

describe('a schedule', () => {
  const jobs = useQueue(platform, 'in process');

  it('enqueues one job a tick, however many workers tick, and one for all ticks that were missed', async () => {
    const definition = testJob();
    const monthly = schedule({
      name: 'closing',
      cron: '0 3 1 * *',
      definition,
      payload: (tick) => ({ n: tick.getUTCMonth() + 1 }),
    });
    const done: number[] = [];
    const handlers = [handle(definition, async ({ payload }) => done.push(payload.n))];
    let now = new Date('2027-02-01T03:00:01Z');
    const options = { pollMs: 50, schedules: [monthly], now: () => now };
    await jobs.work(handlers, options);
    await jobs.work(handlers, { ...options, queue: jobs.another() });
    await expect.poll(() => done, { timeout: 10_000 }).toEqual([2]);
    now = new Date('2027-03-01T02:59:59Z');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(done).toEqual([2]);
    now = new Date('2027-05-20T00:00:00Z');
    await expect.poll(() => done, { timeout: 10_000 }).toEqual([2, 5]);
    const rows = await platform.database.asFleet((db) => listJobs(db, { kind: definition.kind }));
    expect(rows.map(({ key }) => key)).toEqual([
      'closing@2027-05-01T03:00:00.000Z',
      'closing@2027-02-01T03:00:00.000Z',
    ]);
  });

  it('is not made up for again when its old jobs are cleared away', async () => {
    const definition = testJob();
    const yearly = schedule({ name: 'yearly', cron: '@yearly', definition, payload: () => ({ n: 0 }) });
    let runs = 0;
    const handlers = [
      handle(definition, async () => {
        runs += 1;
      }),
    ];
    const now = () => new Date('2027-06-01T00:00:00Z');
    const first = await jobs.work(handlers, { pollMs: 50, schedules: [yearly], now });
    await expect.poll(() => runs, { timeout: 10_000 }).toBe(1);
    await first.stop();
    await platform.database.asFleet((db) => pruneJobs(db, new Date(Date.now() + 60_000)));
    await jobs.work(handlers, { pollMs: 50, schedules: [yearly], now });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runs).toBe(1);
    expect(await platform.database.asFleet((db) => listJobs(db, { kind: definition.kind }))).toHaveLength(1);
  });

  it('keeps to its time zone, over the change of its clocks', () => {
    const nightly = { cron: '30 4 * * *', timeZone: 'Europe/Berlin' };
    expect(lastTick(nightly, new Date('2027-03-27T12:00:00Z')).toISOString()).toBe('2027-03-27T03:30:00.000Z');
    expect(lastTick(nightly, new Date('2027-03-28T12:00:00Z')).toISOString()).toBe('2027-03-28T02:30:00.000Z');
  });

  it('is refused where it is none', () => {
    const wrong = () => schedule({ name: 'x', cron: '99 * * * *', definition: testJob(), payload: () => ({ n: 1 }) });
    expect(wrong).toThrow();
  });
});

describe('clearing away', () => {
  const jobs = useQueue(platform, 'in process');

  it('removes what ended well before a moment with its lines, and nothing that failed or is to be done', async () => {
    const [good, bad] = [testJob(), testJob({ maxAttempts: 1 })];
    await jobs.work([
      handle(good, (job) => job.log('done')),
      handle(bad, async () => {
        throw new Error('broken');
      }),
    ]);
    const enqueue = (definition: typeof good, runAt?: Date) =>
      platform.database.asFleet((db) =>
        jobs.queue.enqueue(db, definition, {
          payload: { n: 1 },
          creatorId: null,
          ...(runAt === undefined ? {} : { runAt }),
        }),
      );
    const [old, failed, waiting] = [
      await enqueue(good),
      await enqueue(bad),
      await enqueue(good, new Date(Date.now() + 3_600_000)),
    ];
    await jobs.until(old.id, 'done');
    await jobs.until(failed.id, 'failed');
    const between = new Date();
    const young = await enqueue(good);
    await jobs.until(young.id, 'done');
    await platform.database.asFleet((db) => pruneJobs(db, between));
    const kept = await platform.database.asFleet((db) => db('jobs').whereIn('kind', [good.kind, bad.kind]).pluck('id'));
    expect(kept.sort()).toEqual([failed.id, waiting.id, young.id].sort());
    expect(await platform.database.asFleet((db) => db('job_events').where({ job_id: old.id }))).toEqual([]);
    const counts = await platform.database.asFleet((db) => countJobs(db));
    expect(counts.filter(({ kind }) => kind === good.kind)).toEqual([
      { kind: good.kind, state: 'done', count: 1, overdueSeconds: 0 },
      { kind: good.kind, state: 'waiting', count: 1, overdueSeconds: 0 },
    ]);
  });
});
