import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Transaction } from '../../../runtime/platform/database/connection.ts';
import { defineJob } from '../../../runtime/platform/queue/definition.ts';
import type { Queue } from '../../../runtime/platform/queue/queue.ts';
import { handle, type JobHandler } from '../../../runtime/platform/queue/running-job.ts';

const common = { leaseMs: 1_500, backoff: { firstMs: 50, longestMs: 400 }, concurrency: 4 } as const;

/** A job of several steps: two whose effect is a row, one whose effect is a line of a file. It has another job done. */
export const long = defineJob({ kind: 'kills.long', payload: z.object({ n: z.number() }), ...common });

/** What a long job has done afterwards. */
export const after = defineJob({ kind: 'kills.after', payload: z.object({ n: z.number() }), ...common });

/** Steps whose effect is to be seen exactly once for each long job, as rows of the audit log. */
export const effects = ['reserve', 'record', 'after'] as const;

/** @param file where the effects are seen that are not in the database */
export function killedHandlers(queue: Queue, file: string): JobHandler[] {
  const effect = async (db: Transaction, n: number, action: (typeof effects)[number]): Promise<void> => {
    await db('audit_log').insert({ actor: 'kills', action, subject: String(n) });
  };
  return [
    handle(long, async (job) => {
      const { n } = job.payload;
      await job.step('reserve', (db) => effect(db, n, 'reserve'));
      await job.log(`run ${job.run} of ${n}`);
      // Some fail of themselves too.
      if (n % 5 === 0 && job.run === 1) throw new Error('the first run fails');
      const seen = await job.externalStep('outside', async (signal) => {
        await sleep(50 + (n % 7) * 40, undefined, { signal });
        await appendFile(file, `${n}\n`);
        return n;
      });
      await job.step('record', async (db) => {
        await effect(db, seen, 'record');
        // Some hold their transaction open for a while, to be killed in it.
        if (n % 3 === 0) await sleep(80);
        await queue.enqueue(db, after, { payload: { n }, creatorId: null });
      });
      return { n };
    }),
    handle(after, (job) => job.step('after', (db) => effect(db, job.payload.n, 'after'))),
  ];
}
