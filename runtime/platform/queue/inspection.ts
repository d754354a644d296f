import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import type { JobState } from './queue.ts';
import type { JobEventLevel } from './running-job.ts';

/** A job for people to look at. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly creatorId: string | null;
  readonly lane: string | null;
  readonly state: JobState;
  readonly payload: unknown;
  /** What the handler returned. */
  readonly result: unknown;
  /** Runs that ended in an error, and how many may. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Times it was begun, and of these how many were cut short since the last step. */
  readonly runs: number;
  readonly lost: number;
  /** Names of the completed steps in their order, with the time of each. */
  readonly steps: readonly { readonly name: string; readonly at: Date }[];
  /** Message of the last error. */
  readonly error: string | null;
  /** Which worker has it, while it is active. */
  readonly owner: string | null;
  readonly createdAt: Date;
  /** When it is to run, while it waits. */
  readonly runAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface JobFilter {
  readonly state?: JobState;
  readonly kind?: string;
  readonly creatorId?: string;
  /** Part of the key or of the error, in any case. */
  readonly text?: string;
  /** The page after this one's last job, newest first. */
  readonly after?: Pick<JobView, 'id' | 'createdAt'>;
  /** @default 50 */
  readonly limit?: number;
}

/** A line of a job's progress. `id` grows within a job. */
export interface JobEvent {
  readonly id: number;
  readonly at: Date;
  readonly level: JobEventLevel;
  readonly text: string;
}

export interface JobCount {
  readonly kind: string;
  readonly state: JobState;
  readonly count: number;
  /** For how long the oldest of them has been due, in seconds; 0 where none is. */
  readonly overdueSeconds: number;
}

/** Jobs that the scope of `db` shows, newest first. */
export declare function listJobs(db: Transaction, filter?: JobFilter): Promise<JobView[]>;

export declare function findJob(db: Transaction, id: string): Promise<JobView | undefined>;

/** A job's progress after a line, oldest first. @param afterId @default 0, from the beginning */
export declare function readJobEvents(db: Transaction, id: string, afterId?: number): Promise<JobEvent[]>;

/** Jobs by kind and state, for metrics and for the head of the staff's page. */
export declare function countJobs(db: Transaction): Promise<JobCount[]>;

/** Removes jobs that ended well or were cancelled before a moment, with their progress. @returns how many */
export declare function pruneJobs(db: Transaction, before: Date): Promise<number>;

/** What {@link followJob} gives: lines as they come, then the job in its last state. */
export type JobNews = { readonly event: JobEvent } | { readonly ended: JobView };

/**
 * Follows a job's progress for a page, until it has ended or `signal` aborts; ends at once where the scope has no such job.
 *
 * @param options.creatorId whose scope to read in; null is the fleet's
 * @param options.pollMs @default 500
 */
export declare function followJob(
  database: PlatformDatabase,
  id: string,
  options: {
    readonly creatorId: string | null;
    readonly afterId?: number;
    readonly pollMs?: number;
    readonly signal?: AbortSignal;
  },
): AsyncGenerator<JobNews>;
