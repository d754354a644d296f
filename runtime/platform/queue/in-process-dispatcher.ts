import type { Dispatcher, ListenedKind, Listening, Taker } from './dispatcher.ts';
import type { Notice } from './job-rows.ts';
import { startPoll } from './poll.ts';
import type { QueueLog } from './queue-log.ts';

/** Timers for jobs that come due later than this are left to the poll. */
const longestTimerMs = 60_000;

/**
 * Wakes the workers of this process, and has them ask the database for what others have enqueued or left. (A transaction
 * pooler does not let anybody LISTEN.)
 */
export class InProcessDispatcher implements Dispatcher {
  readonly pollMs = 1_000;
  readonly #log: QueueLog;
  readonly #pumps = new Set<KindPump>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(log: QueueLog) {
    this.#log = log;
  }

  async notify(notices: readonly Notice[]): Promise<void> {
    for (const { kind, delayMs } of notices) {
      if (delayMs <= 0) this.#wake(kind);
      else if (delayMs < longestTimerMs) this.#wakeLater(kind, delayMs);
    }
  }

  async listen(kinds: readonly ListenedKind[], taker: Taker, pollMs: number): Promise<Listening> {
    const pumps = kinds.map((kind) => new KindPump(kind, taker, this.#log));
    for (const pump of pumps) this.#pumps.add(pump);
    const poll = startPoll(pollMs, this.#log, async () => {
      const due = new Set(await taker.findDueKinds());
      for (const pump of pumps) if (due.has(pump.kind)) pump.fill();
    });
    return {
      pause: async () => {
        for (const pump of pumps) {
          this.#pumps.delete(pump);
          pump.pause();
        }
        await poll.stop();
      },
      close: async () => undefined,
    };
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #wake(kind: string): void {
    for (const pump of this.#pumps) if (pump.kind === kind) pump.wake();
  }

  #wakeLater(kind: string, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#wake(kind);
    }, delayMs);
    timer.unref();
    this.#timers.add(timer);
  }
}

/** Takes jobs of one kind, as many at once as it allows, until there are none. */
class KindPump {
  readonly kind: string;
  readonly #concurrency: number;
  readonly #taker: Taker;
  readonly #log: QueueLog;
  #running = 0;
  #wokenWhileFull = false;
  #paused = false;

  constructor({ kind, concurrency }: ListenedKind, taker: Taker, log: QueueLog) {
    this.kind = kind;
    this.#concurrency = concurrency;
    this.#taker = taker;
    this.#log = log;
  }

  /** Looks for a job with one more hand, where one is free. */
  wake(): void {
    if (this.#paused) return;
    if (this.#running < this.#concurrency) void this.#work();
    else this.#wokenWhileFull = true;
  }

  /** Looks for jobs with all hands that are free. */
  fill(): void {
    while (!this.#paused && this.#running < this.#concurrency) void this.#work();
  }

  pause(): void {
    this.#paused = true;
  }

  async #work(): Promise<void> {
    this.#running += 1;
    let more = true;
    try {
      while (more && !this.#paused) more = await this.#taker.take(this.kind);
    } catch (error) {
      // What was due stays due: the poll comes back to it.
      this.#log(`queue: a job of kind ${this.kind} could not be taken or settled`, error);
    } finally {
      this.#running -= 1;
    }
    if (this.#wokenWhileFull) {
      this.#wokenWhileFull = false;
      this.wake();
    }
  }
}
