import type { JobDefinition } from './queue.ts';

/** A job that recurs. Made by {@link schedule}. */
export interface Schedule {
  /** Names the schedule; released names are never given to another. */
  readonly name: string;
  /** Five fields, or six with seconds, as `cron-parser` reads them. */
  readonly cron: string;
  /** @default UTC */
  readonly timeZone?: string;
  readonly definition: JobDefinition<unknown>;
  /** The payload of the job for one tick. */
  payload(tick: Date): unknown;
}

/**
 * Says that a job of the fleet's own is to be enqueued at each tick of a clock, once, however many workers tick. Ticks that
 * were missed while no worker ran are made up for by the latest of them.
 */
export declare function schedule<Output, Input>(args: {
  readonly name: string;
  readonly cron: string;
  readonly timeZone?: string;
  readonly definition: JobDefinition<Output, Input>;
  readonly payload: (tick: Date) => Input;
}): Schedule;
