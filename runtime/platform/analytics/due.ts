import pLimit from 'p-limit';
import type { PlatformDatabase } from '../database/connection.ts';
import { type RefreshOptions, type RefreshOutcome, refreshSite } from './refresh.ts';

/**
 * Slugs of the active sites that are due, those that wait longest first and before them those never visited. A paused or
 * suspended site does not change, and need not be asked.
 *
 * @param limit @default 1000
 */
export async function refreshDue(db: PlatformDatabase, now: Date, limit = 1_000): Promise<string[]> {
  return db.asFleet((transaction) =>
    transaction('sites')
      .leftJoin('site_refreshes', 'site_slug', 'slug')
      .where({ state: 'active' })
      .whereNull('removed_at')
      .where((due) => due.whereNull('next_due_at').orWhere('next_due_at', '<=', now))
      .orderBy([{ column: 'next_due_at', nulls: 'first' }, 'slug'])
      .limit(limit)
      .pluck('slug'),
  );
}

export interface RefreshAllOptions extends RefreshOptions {
  /** Sites that are under way at once; the reader may let fewer connect. @default 8 */
  readonly concurrency?: number;
  /** Is told of each site as it ends. */
  readonly onOutcome?: (outcome: RefreshOutcome) => void;
}

/** How a round of visits ended. */
export interface RefreshSummary {
  readonly refreshed: number;
  readonly superseded: number;
  readonly failed: readonly RefreshOutcome[];
}

/**
 * Visits sites, so many at once; one that does not answer takes a place until its time is over and delays nobody else.
 *
 * @throws AggregateError after all have ended, where the platform's own database failed for some
 */
export async function refreshAll(
  db: PlatformDatabase,
  slugs: readonly string[],
  now: Date,
  options: RefreshAllOptions,
): Promise<RefreshSummary> {
  const limit = pLimit(options.concurrency ?? 8);
  const settled = await Promise.allSettled(
    slugs.map((slug) =>
      limit(async () => {
        const outcome = await refreshSite(db, slug, now, options);
        options.onOutcome?.(outcome);
        return outcome;
      }),
    ),
  );
  const errors = settled.filter((entry) => entry.status === 'rejected').map(({ reason }) => reason as Error);
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${slugs.length} refreshes: ${errors[0]?.message}`);
  const outcomes = settled.filter((entry) => entry.status === 'fulfilled').map(({ value }) => value);
  return {
    refreshed: outcomes.filter(({ result }) => result === 'refreshed').length,
    superseded: outcomes.filter(({ result }) => result === 'superseded').length,
    failed: outcomes.filter(({ result }) => result === 'failed'),
  };
}
