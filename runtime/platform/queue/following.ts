import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformDatabase } from '../database/connection.ts';
import { findJob, type JobEvent, type JobView, readJobEvents } from './inspection.ts';

/** What {@link followJob} gives: lines as they come, and the job whenever its state or its steps have changed. */
export type JobNews = { readonly event: JobEvent } | { readonly job: JobView };

export interface FollowOptions {
  /** Whose scope to read in; null is the fleet's. */
  readonly creatorId: string | null;
  /** The last line that is known. @default 0, none */
  readonly afterId?: number;
  /** @default 500 */
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Follows a job's progress for a page, until it has ended or `signal` aborts. The last news is the job as it ended. Without
 * such a job in the scope there is no news.
 */
export async function* followJob(
  database: PlatformDatabase,
  id: string,
  { creatorId, afterId = 0, pollMs = 500, signal }: FollowOptions,
): AsyncGenerator<JobNews> {
  let last = afterId;
  let known = '';
  while (signal?.aborted !== true) {
    const look = async (db: Parameters<typeof findJob>[0]) => {
      // The job first: lines that were written before its end are seen with it.
      const job = await findJob(db, id);
      return { job, events: await readJobEvents(db, id, last) };
    };
    const { job, events } = await (creatorId === null ? database.asFleet(look) : database.asCreator(creatorId, look));
    if (job === undefined) return;
    for (const event of events) yield { event };
    last = events.at(-1)?.id ?? last;
    if (job.finishedAt !== null && events.length === 0) {
      yield { job };
      return;
    }
    const now = `${job.state} ${job.runs} ${job.steps.length}`;
    if (job.finishedAt !== null) continue;
    if (now !== known) yield { job };
    known = now;
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
