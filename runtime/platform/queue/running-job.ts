import type { Transaction } from '../database/connection.ts';
import type { JobDefinition } from './definition.ts';

/** What a value is after it has been stored as JSON: dates are text. */
export type Stored<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Stored<Item>[]
    : T extends object
      ? { [Key in keyof T]: Stored<T[Key]> }
      : T;

/**
 * A job as its handler sees it. The handler is run from its beginning at each attempt; steps that were completed by an
 * earlier one are not run again but give the result that they gave. So whatever has an effect belongs into a step, and what
 * stands between steps decides nothing by chance or by the clock.
 */
export interface RunningJob<Payload> {
  readonly id: string;
  readonly key: string;
  /** Whose job it is; null is the fleet's own. */
  readonly creatorId: string | null;
  readonly payload: Payload;
  /** This run's number, from 1, counting those that were cut short. */
  readonly run: number;
  /** Aborted when the lease is lost, or the worker must end before the step is over. */
  readonly signal: AbortSignal;

  /**
   * Runs a step in a transaction that also records it: its effect in this database happens exactly once. To be short, since
   * it holds a connection.
   *
   * @param name unique within the job
   * @returns what `work` returned, in this run or an earlier one, as JSON keeps it
   * @throws JobInterruption where the job was handed back or its lease is lost; to be let through
   */
  step<T>(name: string, work: (db: Transaction) => Promise<T>): Promise<Stored<T>>;

  /**
   * Runs a step whose effect is elsewhere, without a transaction, and records it afterwards. Between the two it may be cut
   * short, so `work` may run again although it has had its effect: it has to be idempotent.
   *
   * @param name unique within the job
   * @returns what `work` returned, in this run or an earlier one, as JSON keeps it
   * @throws JobInterruption where the job was handed back or its lease is lost; to be let through
   */
  externalStep<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<Stored<T>>;

  /** Adds a line to the job's progress, which is seen at once, outside of any step's transaction. */
  log(text: string, level?: JobEventLevel): Promise<void>;
}

export type JobEventLevel = 'info' | 'warning' | 'error';

/** A kind of job with the code that does it. Made by {@link handle}. */
export interface JobHandler {
  readonly definition: JobDefinition<unknown>;
  run(job: RunningJob<unknown>): Promise<unknown>;
}

/**
 * Says how jobs of a kind are done. What `run` returns is kept as the job's result; what it throws makes another attempt,
 * or a failed job where it is a {@link PermanentFailure} or the attempts are used up.
 */
export function handle<Output, Input>(
  definition: JobDefinition<Output, Input>,
  run: (job: RunningJob<Output>) => Promise<unknown>,
): JobHandler {
  return { definition: definition as JobDefinition<unknown>, run: run as JobHandler['run'] };
}
