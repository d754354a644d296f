import type { SitePlace } from '../../database/connection.ts';

/** Requests that one process of a site answered since it began. */
export interface RequestCounter {
  /** Another one for each process, however often a site restarts. */
  readonly process: string;
  readonly count: number;
}

/** What a site is and uses beside its database; what is left out is not known. */
export interface SiteUsage {
  readonly storageBytes?: number;
  readonly requests?: readonly RequestCounter[];
  /** Version of Ghost. */
  readonly ghostVersion?: string;
  /** When its newest complete backup was begun; null where there is none. */
  readonly newestBackupAt?: Date | null;
}

/** Asks for what a site uses: its own endpoint, Prometheus, the bucket. */
export type UsageSource = (place: SitePlace, day: string) => Promise<SiteUsage>;

/** Counters as they were last read, by process. */
export type StoredCounters = Readonly<Record<string, number>>;

/**
 * Requests since the counters were last read. A process that was not there then began at nought; one that is gone took what
 * it answered since with it. The same reading twice adds nothing.
 */
export function countNewRequests(
  stored: StoredCounters,
  counters: readonly RequestCounter[],
): { added: number; counters: StoredCounters } {
  const added = counters.reduce((sum, { process, count }) => sum + Math.max(0, count - (stored[process] ?? 0)), 0);
  return { added, counters: Object.fromEntries(counters.map(({ process, count }) => [process, count])) };
}
