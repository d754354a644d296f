import {
  addDays,
  type DayNumbers,
  dayOf,
  type SiteReader,
  SiteUnavailableError,
} from '../../database/analytics/reader.ts';
import type { SitePlace } from '../../database/connection.ts';
import type { PlatformDatabase } from '../database/connection.ts';
import { dueAfterFailure, dueAfterSuccess, type Schedule } from './schedule.ts';
import { storeFailure, storeVisit } from './store.ts';
import type { SiteUsage, UsageSource } from './usage.ts';

export interface RefreshOptions extends Schedule {
  readonly reader: SiteReader;
  /** @default nothing is known beside the database */
  readonly usage?: UsageSource;
  /** Days before today that a first visit goes back. @default 400 */
  readonly historyDays?: number;
  /** Days before the last visit whose newsletters are counted again. @default 7 */
  readonly lateDays?: number;
}

/** How the visit of a site ended. */
export interface RefreshOutcome {
  readonly slug: string;
  /** `superseded`: a later visit was faster, or the site is no longer there. */
  readonly result: 'refreshed' | 'superseded' | 'failed';
  /** Days that were written. */
  readonly days: number;
  /** Why it failed, or why storage or requests are not known. */
  readonly error?: string;
}

interface DueSite extends SitePlace {
  readonly first_day: string | null;
  readonly last_day: string | null;
}

/**
 * Visits a site and writes its numbers: all history at the first visit, afterwards the day that was not over at the last
 * one and those since. Idempotent by site and day; repeated, or run twice at once, it writes the same. A site that does not
 * answer keeps its numbers and is due again after a growing while.
 *
 * @param now moment of the visit; its day of UTC is the one that is not over
 */
export async function refreshSite(
  db: PlatformDatabase,
  slug: string,
  now: Date,
  options: RefreshOptions,
): Promise<RefreshOutcome> {
  const site = await db.asFleet((transaction) => findSite(transaction, slug));
  if (site === undefined) return { slug, result: 'superseded', days: 0 };
  const { from, window } = windowOf(site, now, options);
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  const usage = readUsage(options.usage, site, window.through);
  try {
    const read = await options.reader.read(site, window);
    const numbers = site.last_day === null ? { ...read, days: dropEmptyStart(read.days) } : read;
    const { error, ...known } = await usage;
    const nextDueAt = dueAfterSuccess(now, options);
    const visit = { slug, now, numbers, from, usage: known, durationMs: elapsed(), nextDueAt };
    const written = await db.asFleet((transaction) => storeVisit(transaction, visit));
    const days = written ? numbers.days.filter(({ day }) => day >= from).length : 0;
    return { slug, result: written ? 'refreshed' : 'superseded', days, ...(error === undefined ? {} : { error }) };
  } catch (reason) {
    // What the site said may be refused by the tables' limits; what the platform's own database lacks is no site's fault.
    if (!(reason instanceof SiteUnavailableError) && !isRefused(reason)) throw reason;
    const error = (reason as Error).message;
    const nextDueAt = (failures: number) => dueAfterFailure(now, failures, options);
    await db.asFleet((transaction) =>
      storeFailure(transaction, { slug, now, error, durationMs: elapsed(), nextDueAt }),
    );
    return { slug, result: 'failed', days: 0, error };
  }
}

function findSite(
  db: Parameters<Parameters<PlatformDatabase['asFleet']>[0]>[0],
  slug: string,
): Promise<DueSite | undefined> {
  return db('sites')
    .leftJoin('site_refreshes', 'site_slug', 'slug')
    .where({ slug })
    .first('slug', 'strategy', 'cluster', 'first_day', 'last_day');
}

function windowOf(site: DueSite, now: Date, { historyDays = 400, lateDays = 7 }: RefreshOptions) {
  const through = dayOf(now);
  if (site.last_day === null) {
    const from = addDays(through, -historyDays);
    return { from, window: { from, through } };
  }
  // The day that was not over at the last visit; a clock that went back makes it today.
  const from = earlierOf(site.last_day, through);
  // Before its first day a site has no numbers that could be counted again.
  const late = laterOf(addDays(from, -lateDays), site.first_day ?? from);
  return { from, window: { from: earlierOf(late, from), through } };
}

function earlierOf(one: string, other: string): string {
  return [one, other].sort()[0] ?? one;
}

function laterOf(one: string, other: string): string {
  return [one, other].sort()[1] ?? one;
}

/** Drops the days before anything was there: the history of a site begins with its first day that is not all noughts. */
function dropEmptyStart(days: readonly DayNumbers[]): readonly DayNumbers[] {
  const isEmpty = ({ day: _, mrr, ...numbers }: DayNumbers) =>
    [...Object.values(numbers), ...Object.values(mrr)].every((value) => value === 0);
  const start = days.findIndex((numbers) => !isEmpty(numbers));
  return start === -1 ? days.slice(-1) : days.slice(start);
}

async function readUsage(
  source: UsageSource | undefined,
  site: SitePlace,
  day: string,
): Promise<SiteUsage & { error?: string }> {
  try {
    return (await source?.(site, day)) ?? {};
  } catch (error) {
    // Numbers are worth having without it: what is not known stays as it was.
    return { error: (error as Error).message };
  }
}

/** 22003 out of range, 23514 check violated: the site's numbers are none. */
function isRefused(error: unknown): boolean {
  return ['22003', '23514'].includes((error as { code?: string }).code ?? '');
}
