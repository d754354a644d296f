import type { Notice } from './job-rows.ts';

/** A kind as a dispatcher needs to know it. */
export interface ListenedKind {
  readonly kind: string;
  readonly concurrency: number;
}

/** What a dispatcher asks of a worker. */
export interface Taker {
  /**
   * Leases a job and does it, up to its settlement.
   *
   * @param id @default the job of this kind that has been due for longest
   * @returns false where there was nothing to take
   */
  take(kind: string, id?: string): Promise<boolean>;
  /** Kinds, of those that were listened to, that have a job which is due. */
  findDueKinds(): Promise<string[]>;
  /** Jobs that are due, of the kinds that were listened to. */
  findDue(): Promise<Notice[]>;
}

export interface Listening {
  /** Takes no more jobs. Resolves when none will be, though some may be running. */
  pause(): Promise<void>;
  /** Lets go of connections, when no job is running any more. */
  close(): Promise<void>;
}

/**
 * Brings jobs to workers. It may forget and may say things twice: rows decide, are asked again and again, and a notice that
 * was lost costs a delay.
 */
export interface Dispatcher {
  /** How often {@link Taker.findDue} is to be asked, unless something else is asked for. */
  readonly pollMs: number;
  /** Says that jobs may be taken. Never rejects, and never waits for what is away. */
  notify(notices: readonly Notice[]): Promise<void>;
  /** Has jobs of these kinds taken, each kind as many at once as it allows. */
  listen(kinds: readonly ListenedKind[], taker: Taker, pollMs: number): Promise<Listening>;
  close(): Promise<void>;
}
