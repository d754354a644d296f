import type { z } from 'zod';
import type { Backoff } from './backoff.ts';

/** What all jobs of a kind have in common. Made by {@link defineJob}, known to who enqueues and to who runs. */
export interface JobDefinition<Output, Input = Output> {
  /** Names the kind, such as `site.provision`; a released name is never given to another. */
  readonly kind: string;
  /** Judges the payload when it is enqueued and again when it runs. What it takes is JSON, is shown to staff, holds no secret. */
  readonly payload: z.ZodType<Output, Input>;
  /** Runs that may end in an error before the job counts as failed. */
  readonly maxAttempts: number;
  /** How long a job waits after each run that ended in an error. */
  readonly backoff: Backoff;
  /** Jobs of this kind that one worker runs at once. Each takes up to two connections of the worker's pool. */
  readonly concurrency: number;
  /** How long a worker that stopped breathing keeps a job from the others, in milliseconds. */
  readonly leaseMs: number;
  /**
   * Rows that a step's transaction sees: those of the job's creator (the fleet's for a job without one), or the whole fleet's.
   */
  readonly scope: 'owner' | 'fleet';
}

/** What {@link defineJob} needs; the rest has defaults. */
export type JobDefinitionArgs<Output, Input> = Pick<JobDefinition<Output, Input>, 'kind' | 'payload'> &
  Partial<JobDefinition<Output, Input>>;

/**
 * Defines a kind of job.
 *
 * @param args.maxAttempts @default 5
 * @param args.backoff @default 2 s doubling up to 10 minutes
 * @param args.concurrency @default 2
 * @param args.leaseMs @default 30 000
 * @param args.scope @default owner
 */
export function defineJob<Output, Input>(args: JobDefinitionArgs<Output, Input>): JobDefinition<Output, Input> {
  return {
    maxAttempts: 5,
    backoff: { firstMs: 2_000, longestMs: 600_000 },
    concurrency: 2,
    leaseMs: 30_000,
    scope: 'owner',
    ...args,
  };
}

/** One job to be done. */
export interface JobRequest<Input> {
  readonly payload: Input;
  /** Whose job it is; null is the fleet's own, which no creator sees. */
  readonly creatorId: string | null;
  /** Makes the job the only one of its kind and creator with this key, for as long as its row is kept. @default a random one */
  readonly key?: string;
  /** Not before. @default at once */
  readonly runAt?: Date;
  /** Jobs of one lane, of whatever kind, never run at the same time: the name of a Pulumi stack, for example. @default no lane */
  readonly lane?: string;
}
