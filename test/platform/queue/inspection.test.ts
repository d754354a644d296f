import { describe, expect, it } from 'vitest';
import { followJob } from '../../../runtime/platform/queue/following.ts';
import {
  countJobs,
  findJob,
  type JobFilter,
  listJobs,
  readJobEvents,
} from '../../../runtime/platform/queue/inspection.ts';
import { handle } from '../../../runtime/platform/queue/running-job.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';
import { testJob, useQueue } from '../../support/queue.ts';

const platform = usePlatformDatabase();
const jobs = useQueue(platform, 'in process');

describe('the list of jobs', () => {
  const [kind, other] = [testJob(), testJob()];

  it('is filtered and goes from page to page, newest first, without a job twice or none', async () => {
    const mira = await platform.database.asFleet(async (db) => {
      const [row] = await db('creators').insert({ email: 'mira@example.com' }).returning('creator_id');
      return row.creator_id as string;
    });
    await platform.database.asFleet(async (db) => {
      for (let n = 0; n < 25; n += 1) {
        const request = { payload: { n }, creatorId: n % 5 === 0 ? mira : null, key: `site-${n}%` };
        await jobs.queue.enqueue(db, n % 2 === 0 ? kind : other, request);
      }
    });
    // Two of each moment, as happens: pages are kept apart by the id then.
    await platform.database.asFleet((db) =>
      db('jobs').update({
        created_at: db.raw("'2027-01-01'::timestamptz + (payload->>'n')::int / 2 * interval '1 ms'"),
      }),
    );
    const list = (filter: JobFilter) => platform.database.asFleet((db) => listJobs(db, filter));
    const all = await list({});
    const numbers = all.map(({ payload }) => (payload as { n: number }).n);
    expect(numbers.map((n) => Math.floor(n / 2))).toEqual(
      Array.from({ length: 25 }, (_, at) => Math.floor((24 - at) / 2)),
    );
    expect(new Set(numbers).size).toBe(25);
    const paged = [];
    for (let page = await list({ limit: 4 }); page.length > 0; page = await list({ limit: 4, after: page.at(-1) })) {
      expect(page.length).toBeLessThanOrEqual(4);
      paged.push(...page);
    }
    expect(paged.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(await list({ kind: kind.kind })).toHaveLength(13);
    expect(await list({ creatorId: mira })).toHaveLength(5);
    expect(await list({ kind: other.kind, creatorId: mira })).toHaveLength(2);
    expect(await list({ text: 'SITE-2' })).toHaveLength(6);
    expect(await list({ text: '2%' })).toHaveLength(3);
    expect(await list({ state: 'failed' })).toEqual([]);
    expect(await platform.database.asCreator(mira, (db) => listJobs(db))).toHaveLength(5);
    await platform.database.asFleet((db) => jobs.queue.cancel(db, all[0]?.id ?? ''));
    expect((await list({ state: 'cancelled' })).map(({ id }) => id)).toEqual([all[0]?.id]);
    const counts = await platform.database.asFleet((db) => countJobs(db));
    expect(counts.map(({ kind, state, count }) => [kind, state, count])).toEqual([
      [kind.kind, 'cancelled', 1],
      [kind.kind, 'waiting', 12],
      [other.kind, 'waiting', 12],
    ]);
    expect(counts[1]?.overdueSeconds).toBeGreaterThan(0);
  });
});

describe('the progress of a job', () => {
  it('is followed line by line and step by step to its end, by its creator and the fleet alone', async () => {
    const definition = testJob();
    const [mira, jon] = await platform.database.asFleet(async (db) => {
      const rows = ['nora@example.com', 'jon@example.com'].map((email) => ({ email }));
      return (await db('creators').insert(rows).returning('creator_id')).map((row) => row.creator_id as string);
    });
    if (mira === undefined || jon === undefined) throw new Error('expected two creators');
    await jobs.work([
      handle(definition, async (job) => {
        await job.log('begun');
        await job.step('one', async () => undefined);
        await job.log('half way');
        await job.step('two', async () => undefined);
      }),
    ]);
    const { id } = await platform.database.asCreator(mira, (db) =>
      jobs.queue.enqueue(db, definition, { payload: { n: 1 }, creatorId: mira }),
    );
    const lines: string[] = [];
    let last: unknown;
    for await (const news of followJob(platform.database, id, { creatorId: mira, pollMs: 20 })) {
      if ('event' in news) lines.push(news.event.text);
      else last = news.job;
    }
    expect(lines).toEqual(['begun', 'half way']);
    expect(last).toMatchObject({ id, state: 'done', steps: [{ name: 'one' }, { name: 'two' }] });
    const [first] = await platform.database.asFleet((db) => readJobEvents(db, id));
    expect(await platform.database.asFleet((db) => readJobEvents(db, id, first?.id))).toMatchObject([
      { text: 'half way' },
    ]);
    for await (const _ of followJob(platform.database, id, { creatorId: jon })) expect.unreachable();
    const seen = await platform.database.asCreator(jon, async (db) => [
      await findJob(db, id),
      await readJobEvents(db, id),
    ]);
    expect(seen).toEqual([undefined, []]);
  });

  it('is no longer followed by who went away', async () => {
    const { id } = await platform.database.asFleet((db) =>
      jobs.queue.enqueue(db, testJob(), { payload: { n: 1 }, creatorId: null }),
    );
    const leaving = new AbortController();
    const news = followJob(platform.database, id, { creatorId: null, pollMs: 60_000, signal: leaving.signal });
    expect(await news.next()).toMatchObject({ done: false, value: { job: { state: 'waiting' } } });
    const next = news.next();
    leaving.abort();
    expect(await next).toMatchObject({ done: true });
  });
});
