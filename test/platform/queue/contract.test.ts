import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JobDefinition, JobRequest } from '../../../runtime/platform/queue/definition.ts';
import { JobInterruption, JobPayloadError, PermanentFailure } from '../../../runtime/platform/queue/errors.ts';
import { findJob, listJobs, readJobEvents } from '../../../runtime/platform/queue/inspection.ts';
import { handle } from '../../../runtime/platform/queue/running-job.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';
import { queueBackends, testJob, useQueue } from '../../support/queue.ts';

const platform = usePlatformDatabase({ pooler: true });

describe.each(queueBackends)('a queue, %s,', (backend) => {
  const jobs = useQueue(platform, backend);

  type Numbered = { n: number };

  const enqueue = (definition: JobDefinition<Numbered>, request: Partial<JobRequest<Numbered>> = {}) =>
    platform.database.asFleet((db) =>
      jobs.queue.enqueue(db, definition, { payload: { n: 1 }, creatorId: null, ...request }),
    );

  const linesOf = async (id: string) =>
    (await platform.database.asFleet((db) => readJobEvents(db, id))).map(({ level, text }) => `${level}: ${text}`);

  it('does a job that was enqueued, and keeps what came of it', async () => {
    const definition = testJob();
    await jobs.work([handle(definition, async ({ payload }) => ({ doubled: payload.n * 2 }))]);
    const { id, created } = await enqueue(definition, { payload: { n: 21 } });
    expect(created).toBe(true);
    expect(await jobs.until(id, 'done')).toMatchObject({ result: { doubled: 42 }, runs: 1, attempts: 0, owner: null });
  });

  it('knows nothing of a job whose transaction was rolled back', async () => {
    const definition = testJob();
    const seen: number[] = [];
    await jobs.work([handle(definition, async ({ payload }) => seen.push(payload.n))]);
    const undone = platform.database.asFleet(async (db) => {
      await jobs.queue.enqueue(db, definition, { payload: { n: 1 }, creatorId: null });
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    await jobs.until((await enqueue(definition, { payload: { n: 2 } })).id, 'done');
    expect(seen).toEqual([2]);
  });

  it('has one job for a key, before and after it was done, and another for each creator', async () => {
    const definition = testJob();
    const mira = await creator('mira@example.com');
    const ask = (creatorId: string | null) => enqueue(definition, { key: 'monthly', creatorId });
    const [first, second] = await Promise.all([ask(null), ask(null)]);
    expect(first.id).toBe(second.id);
    expect([first.created, second.created].sort()).toEqual([false, true]);
    await jobs.work([handle(definition, async () => undefined)]);
    await jobs.until(first.id, 'done');
    expect(await ask(null)).toEqual({ id: first.id, created: false });
    const hers = await ask(mira);
    expect(hers).toEqual({ id: expect.not.stringMatching(first.id), created: true });
    await jobs.until(hers.id, 'done');
  });

  it('refuses a payload that the kind does not take, and fails a job whose kind changed, without running it', async () => {
    const definition = testJob();
    const wrong = enqueue(definition, { payload: { n: 'two' } as unknown as Numbered });
    await expect(wrong).rejects.toThrow(JobPayloadError);
    await expect(wrong).rejects.toThrow('payload.n');
    const { id } = await enqueue(definition);
    let ran = false;
    const changed = { ...definition, payload: z.object({ m: z.number() }) };
    await jobs.work([
      handle(changed, async () => {
        ran = true;
      }),
    ]);
    expect(await jobs.until(id, 'failed')).toMatchObject({ error: expect.stringContaining('payload.m') });
    expect(ran).toBe(false);
  });

  it('goes on after the last completed step, with the results of those before it', async () => {
    const definition = testJob();
    const ran: string[] = [];
    await jobs.work([
      handle(definition, async (job) => {
        const first = await job.step('first', async () => {
          ran.push('first');
          return { at: new Date(0), left: undefined };
        });
        const second = await job.externalStep('second', async () => {
          ran.push('second');
          return [first.at.slice(0, 4)];
        });
        const nothing = await job.step('third', async () => {
          ran.push('third');
        });
        if (job.run === 1) throw new Error('the first run ends here');
        return { first, second, nothing };
      }),
    ]);
    const job = await jobs.until((await enqueue(definition)).id, 'done');
    expect(ran).toEqual(['first', 'second', 'third']);
    expect(job.result).toEqual({ first: { at: '1970-01-01T00:00:00.000Z' }, second: ['1970'] });
    expect(job.steps.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
    expect(job).toMatchObject({ runs: 2, attempts: 1 });
  });

  it('undoes the effect of a step that fails, and tells of it', async () => {
    const definition = testJob();
    await jobs.work([
      handle(definition, (job) =>
        job.step('write', async (db) => {
          await db('audit_log').insert({ actor: 'test', action: 'step', subject: job.id });
          await job.log('wrote', 'info');
          if (job.run < 3) throw new Error(`no luck in run ${job.run}`, { cause: new Error('bad weather') });
        }),
      ),
    ]);
    const { id } = await enqueue(definition);
    await jobs.until(id, 'done');
    expect(await effectsOf(id)).toBe(1);
    const lines = await linesOf(id);
    expect(lines.filter((line) => line === 'info: wrote')).toHaveLength(3);
    expect(lines[1]).toMatch(/^warning: attempt 1 of 5: no luck in run 1: bad weather; again in 0.0 s$/);
  });

  it('fails a job for good after its attempts, and retries it by hand', async () => {
    const definition = testJob({ maxAttempts: 3 });
    let broken = true;
    const ran: string[] = [];
    await jobs.work([
      handle(definition, async (job) => {
        await job.step('once', async () => ran.push('once'));
        ran.push(`run ${job.run}`);
        if (broken) throw new Error('broken');
      }),
    ]);
    const { id } = await enqueue(definition);
    expect(await jobs.until(id, 'failed')).toMatchObject({ attempts: 3, error: 'broken' });
    expect((await linesOf(id)).at(-1)).toBe('error: failed, attempt 3 of 3: broken');
    broken = false;
    const retry = () => platform.database.asFleet((db) => jobs.queue.retry(db, id));
    expect(await retry()).toBe(true);
    expect(await jobs.until(id, 'done')).toMatchObject({ attempts: 0, error: null });
    expect(ran).toEqual(['once', 'run 1', 'run 2', 'run 3', 'run 4']);
    expect(await retry()).toBe(false);
  });

  it('does not try again what says that it would not help, nor a step of a name that was used', async () => {
    const [hopeless, careless] = [testJob(), testJob()];
    await jobs.work([
      handle(hopeless, async () => {
        throw new PermanentFailure('no such site');
      }),
      handle(careless, async (job) => {
        await job.step('same', async () => undefined);
        await job.step('same', async () => undefined);
      }),
    ]);
    const [first, second] = await Promise.all([enqueue(hopeless), enqueue(careless)]);
    expect(await jobs.until(first.id, 'failed')).toMatchObject({ attempts: 1, error: 'no such site' });
    expect(await jobs.until(second.id, 'failed')).toMatchObject({
      attempts: 1,
      error: expect.stringContaining('twice'),
    });
  });

  it('fails what throws at once, and what returns something that cannot be kept', async () => {
    const [hasty, odd] = [testJob({ maxAttempts: 2 }), testJob()];
    await jobs.work([
      handle(hasty, () => {
        throw new Error('too early');
      }),
      handle(odd, async () => 'a \0 in it'),
    ]);
    const [first, second] = await Promise.all([enqueue(hasty), enqueue(odd)]);
    expect(await jobs.until(first.id, 'failed')).toMatchObject({ attempts: 2, error: 'too early' });
    expect(await jobs.until(second.id, 'failed')).toMatchObject({ attempts: 1, runs: 1 });
  });

  it('shows a step the rows of the job’s creator, or those of the fleet where the kind needs them', async () => {
    const mira = await creator('mira@example.com');
    const jon = await creator('jon@example.com');
    const [own, wide] = [testJob(), testJob({ scope: 'fleet' })];
    const seen = new Map<string, string[]>();
    const look = (definition: JobDefinition<Numbered>) =>
      handle(definition, (job) =>
        job.step('look', async (db) => {
          seen.set(job.id, await db('creators').pluck('creator_id'));
        }),
      );
    await jobs.work([look(own), look(wide)]);
    const ids = [await enqueue(own, { creatorId: mira }), await enqueue(wide, { creatorId: mira }), await enqueue(own)];
    for (const { id } of ids) await jobs.until(id, 'done');
    const [hers, all, fleets] = ids.map(({ id }) => seen.get(id));
    expect(hers).toEqual([mira]);
    expect(all).toEqual(expect.arrayContaining([mira, jon]));
    expect(fleets).toEqual(expect.arrayContaining([mira, jon]));
    const [job] = await platform.database.asCreator(mira, (db) => listJobs(db, { kind: own.kind }));
    expect(job?.creatorId).toBe(mira);
    expect(await platform.database.asCreator(jon, (db) => findJob(db, job?.id ?? ''))).toBeUndefined();
  });

  it('lets nothing be written by a run whose lease another has', async () => {
    const definition = testJob({ concurrency: 1 });
    const second = Promise.withResolvers<void>();
    const late = Promise.withResolvers<unknown>();
    const write = (id: string) => (db: Parameters<typeof findJob>[0]) =>
      db('audit_log').insert({ actor: 'test', action: 'step', subject: id });
    const handler = handle(definition, async (job) => {
      if (job.run === 1) {
        await takeAway(job.id);
        await second.promise;
        await job.step('write', write(job.id)).then(late.resolve, late.resolve);
        return 'late';
      }
      second.resolve();
      await late.promise;
      await job.step('write', write(job.id));
      return 'in time';
    });
    await jobs.work([handler]);
    await jobs.work([handler], { queue: jobs.another() });
    const { id } = await enqueue(definition);
    expect(await jobs.until(id, 'done')).toMatchObject({ result: 'in time', runs: 2, attempts: 0 });
    const error = await late.promise;
    expect(error).toBeInstanceOf(JobInterruption);
    expect(error).toMatchObject({ reason: 'lease lost' });
    expect(await effectsOf(id)).toBe(1);
  });

  it('takes a job from a worker that does not breathe any more, and keeps one that does', async () => {
    const definition = testJob({ leaseMs: 2_000 });
    const { id } = await enqueue(definition, { runAt: new Date(Date.now() + 3_600_000) });
    await platform.database.asFleet((db) =>
      db('jobs').where({ id }).update({ state: 'active', owner: 'a dead worker', fence: 7, due_at: new Date() }),
    );
    await jobs.work([
      handle(definition, async (job) => {
        await sleep(4_500);
        return job.run;
      }),
    ]);
    expect(await jobs.until(id, 'done')).toMatchObject({ result: 8, runs: 8, attempts: 0 });
  });

  it('fails a job that takes its workers down again and again', async () => {
    const definition = testJob();
    const { id } = await enqueue(definition, { runAt: new Date(Date.now() + 3_600_000) });
    const dying = { state: 'active', owner: 'a dead worker', fence: 20, lost: 20, due_at: new Date() };
    await platform.database.asFleet((db) => db('jobs').where({ id }).update(dying));
    await jobs.work([handle(definition, async () => 'lived')]);
    expect(await jobs.until(id, 'failed', 'done')).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('21 runs'),
    });
  });

  it('does a job of which no worker was told', async () => {
    const definition = testJob();
    await jobs.work([handle(definition, async ({ payload }) => payload.n)]);
    const row = { kind: definition.kind, payload: '{"n": 5}', max_attempts: 1 };
    const [{ id }] = (await platform.database.asFleet((db) => db('jobs').insert(row).returning('id'))) as [
      { id: string },
    ];
    expect(await jobs.until(id, 'done')).toMatchObject({ result: 5 });
  });

  it('tells a worker of what is enqueued, due again or retried, without a look at the rows', async () => {
    const definition = testJob({ concurrency: 2, maxAttempts: 2 });
    const fails = handle(definition, async (job) => {
      if (job.run <= job.payload.n) throw new Error('once more');
    });
    await jobs.work([fails], { pollMs: 3_600_000 });
    for (const n of [0, 1]) await jobs.until((await enqueue(definition, { payload: { n } })).id, 'done');
    const { id } = await enqueue(definition, { payload: { n: 2 } });
    await jobs.until(id, 'failed');
    await platform.database.asFleet((db) => jobs.queue.retry(db, id));
    await jobs.until(id, 'done');
  });

  it('tells a worker that a lane is free, and lets others of its kind pass meanwhile', async () => {
    const definition = testJob({ concurrency: 2 });
    const gate = Promise.withResolvers<void>();
    const began: number[] = [];
    const work = handle(definition, async ({ payload }) => {
      began.push(payload.n);
      if (payload.n === 1) await gate.promise;
    });
    await jobs.work([work], { pollMs: 3_600_000 });
    const lane = `lane of ${backend}`;
    const first = await enqueue(definition, { payload: { n: 1 }, lane });
    await expect.poll(() => began, { timeout: 10_000 }).toEqual([1]);
    const blocked = [
      await enqueue(definition, { payload: { n: 2 }, lane }),
      await enqueue(definition, { payload: { n: 3 }, lane }),
    ];
    await jobs.until((await enqueue(definition, { payload: { n: 4 } })).id, 'done');
    expect(began).toEqual([1, 4]);
    gate.resolve();
    for (const { id } of [first, ...blocked]) await jobs.until(id, 'done');
    expect(began).toEqual([1, 4, 2, 3]);
  });

  it('waits for a job’s time, and lets it be cancelled until then', async () => {
    const definition = testJob();
    const ran: number[] = [];
    await jobs.work([handle(definition, async ({ payload }) => ran.push(payload.n))]);
    const soon = new Date(Date.now() + 2_500);
    const [kept, cancelled] = [
      await enqueue(definition, { payload: { n: 1 }, runAt: soon }),
      await enqueue(definition, { payload: { n: 2 }, runAt: soon }),
    ];
    const cancel = (id: string) => platform.database.asFleet((db) => jobs.queue.cancel(db, id));
    expect(await cancel(cancelled.id)).toBe(true);
    const done = await jobs.until(kept.id, 'done');
    expect(done.startedAt?.getTime()).toBeGreaterThanOrEqual(soon.getTime());
    expect(await cancel(kept.id)).toBe(false);
    expect(await jobs.until(cancelled.id, 'cancelled')).toMatchObject({ runs: 0 });
    expect(ran).toEqual([1]);
    await platform.database.asFleet((db) => jobs.queue.retry(db, cancelled.id));
    await jobs.until(cancelled.id, 'done');
    expect(ran).toEqual([1, 2]);
  });

  it('runs as many of a kind at once as the kind allows, and one of a lane', async () => {
    const [wide, narrow] = [testJob({ concurrency: 3 }), testJob({ concurrency: 3 })];
    const most = { wide: 0, narrow: 0 };
    const now = { wide: 0, narrow: 0 };
    const three = Promise.withResolvers<void>();
    const count = (name: 'wide' | 'narrow') => async () => {
      now[name] += 1;
      most[name] = Math.max(most[name], now[name]);
      if (now.wide === 3) three.resolve();
      await (name === 'wide' ? three.promise : sleep(50));
      await sleep(50);
      now[name] -= 1;
    };
    await jobs.work([handle(wide, count('wide')), handle(narrow, count('narrow'))]);
    const all = await Promise.all(
      Array.from({ length: 7 }, (_, n) => [
        enqueue(wide, { payload: { n } }),
        enqueue(narrow, { payload: { n }, lane: 'stack production-00' }),
      ]).flat(),
    );
    for (const { id } of all) await jobs.until(id, 'done');
    expect(most).toEqual({ wide: 3, narrow: 1 });
  });

  it('hands a running job back after its step when its worker stops, and another goes on', async () => {
    const definition = testJob({ concurrency: 1 });
    const begun = Promise.withResolvers<void>();
    const ran: string[] = [];
    const handler = (worker: string) =>
      handle(definition, async (job) => {
        for (const name of ['one', 'two']) {
          await job.externalStep(name, async () => {
            ran.push(`${worker} ${name}`);
            begun.resolve();
            await sleep(200);
          });
        }
      });
    const first = await jobs.work([handler('first')]);
    const { id } = await enqueue(definition);
    await begun.promise;
    await first.stop();
    expect(await jobs.until(id, 'waiting')).toMatchObject({ attempts: 0, lost: 0, steps: [{ name: 'one' }] });
    await jobs.work([handler('second')], { queue: jobs.another() });
    await jobs.until(id, 'done');
    expect(ran).toEqual(['first one', 'second two']);
  });

  it('interrupts a step that outlasts its worker’s grace, whether it listens or not', async () => {
    const definition = testJob();
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<unknown>();
    const worker = await jobs.work([
      handle(definition, (job) =>
        job.externalStep('long', async (signal) => {
          signal.addEventListener('abort', () => aborted.resolve(signal.reason));
          begun.resolve();
          await new Promise(() => undefined);
        }),
      ),
    ]);
    const { id } = await enqueue(definition);
    await begun.promise;
    const stopping = Date.now();
    await worker.stop(100);
    expect(Date.now() - stopping).toBeLessThan(10_000);
    expect(await aborted.promise).toMatchObject({ reason: 'handed back' });
    expect(await jobs.until(id, 'waiting')).toMatchObject({ attempts: 0, steps: [] });
  });
});

/** Ends the lease of an active job, as time would. */
async function takeAway(id: string): Promise<void> {
  await platform.database.asFleet((db) => db('jobs').where({ id }).update({ due_at: new Date() }));
}

function effectsOf(id: string): Promise<number> {
  return platform.database.asFleet(async (db) => (await db('audit_log').where({ subject: id })).length);
}

function creator(email: string): Promise<string> {
  return platform.database.asFleet(async (db) => {
    const row = { email };
    const [{ creator_id }] = (await db('creators').insert(row).onConflict('email').merge().returning('creator_id')) as [
      { creator_id: string },
    ];
    return creator_id;
  });
}
