import type { Transaction } from '../database/connection.ts';
import type { JobDefinition, JobRequest } from './definition.ts';
import type { JobHandler } from './running-job.ts';
import type { Schedule } from './schedules.ts';

/**
 * Where a job stands. `waiting` for its time, its turn or another attempt; `active` under a worker's lease; `done`;
 * `failed` for good, until somebody retries it (the dead letters); `cancelled` before it began.
 */
export const jobStates = ['waiting', 'active', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

/** A job that has a row. */
export interface EnqueuedJob {
  readonly id: string;
  /** False where a job with the same kind, creator and key was there already: `id` is that one's. */
  readonly created: boolean;
}

/**
 * Where jobs are put. Rows of `jobs` are the truth: a job is acknowledged when the transaction that wrote its row has
 * committed, and from then on it is done exactly once, whatever becomes of workers and of Redis.
 */
export interface Queue {
  /**
   * Writes the job in the caller's transaction, so that it exists if and only if what it belongs to does, and lets a worker
   * know once the transaction has committed.
   *
   * @throws JobPayloadError where the payload is not what the kind takes
   */
  enqueue<Output, Input>(
    db: Transaction,
    definition: JobDefinition<Output, Input>,
    request: JobRequest<Input>,
  ): Promise<EnqueuedJob>;

  /**
   * Gives a failed or cancelled job all its attempts again; it goes on after its last completed step.
   *
   * @returns false where there is no such job in this scope, or it is in another state
   */
  retry(db: Transaction, id: string): Promise<boolean>;

  /**
   * Takes back a job that waits.
   *
   * @returns false where there is no such job in this scope, or it has begun or ended
   */
  cancel(db: Transaction, id: string): Promise<boolean>;

  /** Starts to run jobs of the kinds that have a handler, in this process. */
  work(handlers: readonly JobHandler[], options?: WorkOptions): Promise<Worker>;

  /** Lets go of connections, after workers were stopped. The database is the caller's to close. */
  close(): Promise<void>;
}

export interface WorkOptions {
  /** Names this worker in the rows it leases. @default host name, process id and chance */
  readonly owner?: string;
  /** How often to look for jobs whose notice was lost, and for leases that ended. @default 1 000 in process, 5 000 with Redis */
  readonly pollMs?: number;
  /** Recurring jobs to enqueue, which other workers may enqueue too. @default none */
  readonly schedules?: readonly Schedule[];
  /** The clock of the schedules. @default the system's */
  readonly now?: () => Date;
}

/** Runs jobs until it is stopped. */
export interface Worker {
  readonly owner: string;
  /**
   * Takes no more jobs, and lets the running ones finish the step they are in: then they are handed back, to go on elsewhere
   * after that step. What has not come so far after `graceMs` is interrupted and handed back too.
   *
   * @param graceMs @default 20 000
   */
  stop(graceMs?: number): Promise<void>;
}
