import { performance } from 'node:perf_hooks';
import type { PlatformDatabase } from '../database/connection.ts';
import { type Fence, renewLease } from './leased-rows.ts';

/**
 * Keeps a job with this worker by a heartbeat, three to a lease. Ends where another worker has the job, or where it may have
 * it because the database could not be asked for the length of a lease.
 */
export class Lease {
  readonly #database: PlatformDatabase;
  readonly #fence: Fence;
  readonly #leaseMs: number;
  readonly #onLost: () => void;
  #timer: NodeJS.Timeout | undefined;
  #heldUntil: number;
  #ended = false;

  /** @param onLost called once, unless the lease was ended before */
  constructor(database: PlatformDatabase, fence: Fence, leaseMs: number, onLost: () => void) {
    this.#database = database;
    this.#fence = fence;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.#heldUntil = performance.now() + leaseMs;
    this.#beat();
  }

  /** Whether nobody else can have the job yet, as far as this process's clock tells. */
  get isHeld(): boolean {
    return !this.#ended && performance.now() < this.#heldUntil;
  }

  /** Stops to keep the job. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #beat(): void {
    this.#timer = setTimeout(() => void this.#renew(), this.#leaseMs / 3);
  }

  async #renew(): Promise<void> {
    // Counted from before the question, so that this end is never later than the row's.
    const asked = performance.now();
    const answer = this.#database.asFleet((db) => renewLease(db, this.#fence, this.#leaseMs));
    // An error is no answer: the next beat asks again.
    const held = await within(this.#leaseMs / 3, answer).catch(() => undefined);
    if (this.#ended) return;
    if (held === true) this.#heldUntil = asked + this.#leaseMs;
    if (held === false || !this.isHeld) {
      this.end();
      this.#onLost();
    } else {
      this.#beat();
    }
  }
}

/** Gives up waiting for a promise, which goes on unheeded. @returns undefined where it took longer */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
