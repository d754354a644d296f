import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import type { RedisSettings } from '../volatile/redis-settings.ts';
import type { JobDefinition, JobRequest } from './definition.ts';
import type { Dispatcher } from './dispatcher.ts';
import { JobPayloadError } from './errors.ts';
import { InProcessDispatcher } from './in-process-dispatcher.ts';
import { cancelJob, insertJob, type Notice, reviveJob } from './job-rows.ts';
import { JobWorker } from './job-worker.ts';
import type { EnqueuedJob, Queue, Worker, WorkOptions } from './queue.ts';
import type { QueueLog } from './queue-log.ts';
import { RedisDispatcher } from './redis-dispatcher.ts';
import type { JobHandler } from './running-job.ts';
import { startClock } from './schedules.ts';

export interface QueueArgs {
  /** In which `jobs` are. Jobs take up to two of its connections each; give it as many, and some for its other users. */
  readonly database: PlatformDatabase;
  /** Lets workers know through BullMQ. @default none: workers ask the database, and are woken within their process */
  readonly redis?: RedisSettings;
  /** @default none */
  readonly log?: QueueLog;
}

/** Makes the queue, on Redis where there is one. Connects when it is first used. */
export function createQueue({ database, redis, log = () => undefined }: QueueArgs): Queue {
  return new JobQueue(
    database,
    redis === undefined ? new InProcessDispatcher(log) : new RedisDispatcher(redis, log),
    log,
  );
}

/** Writes rows, and has a dispatcher tell of them. */
class JobQueue implements Queue {
  readonly #database: PlatformDatabase;
  readonly #dispatcher: Dispatcher;
  readonly #log: QueueLog;
  readonly #notifying = new Set<Promise<void>>();

  constructor(database: PlatformDatabase, dispatcher: Dispatcher, log: QueueLog) {
    this.#database = database;
    this.#dispatcher = dispatcher;
    this.#log = log;
  }

  enqueue<Output, Input>(
    db: Transaction,
    definition: JobDefinition<Output, Input>,
    request: JobRequest<Input>,
  ): Promise<EnqueuedJob> {
    return this.#put(db, definition, request);
  }

  async retry(db: Transaction, id: string): Promise<boolean> {
    const notice = await reviveJob(db, id);
    if (notice !== undefined) this.#notifyAfterCommit(db, notice);
    return notice !== undefined;
  }

  cancel(db: Transaction, id: string): Promise<boolean> {
    return cancelJob(db, id);
  }

  async work(handlers: readonly JobHandler[], options: WorkOptions = {}): Promise<Worker> {
    const owner = options.owner ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
    const { pollMs = this.#dispatcher.pollMs, schedules = [], now = () => new Date() } = options;
    const worker = new JobWorker({ database: this.#database, dispatcher: this.#dispatcher, handlers, owner });
    await worker.start(pollMs);
    if (schedules.length === 0) return worker;
    const clock = startClock(schedules, { now, pollMs, log: this.#log }, (ticks) =>
      this.#database.asFleet(async (db) => {
        for (const { definition, request } of ticks) await this.#put(db, definition, request);
      }),
    );
    return {
      owner,
      stop: async (graceMs) => {
        await clock.stop();
        await worker.stop(graceMs);
      },
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#notifying);
    await this.#dispatcher.close();
  }

  async #put<Output, Input>(
    db: Transaction,
    definition: JobDefinition<Output, Input>,
    request: JobRequest<Input> & { readonly schedule?: string },
  ): Promise<EnqueuedJob> {
    const { kind, maxAttempts } = definition;
    // As the row will give it back.
    const payload: unknown = JSON.parse(JSON.stringify(request.payload));
    const judged = definition.payload.safeParse(payload);
    if (!judged.success) throw new JobPayloadError(kind, judged.error);
    const inserted = await insertJob(db, { ...request, payload, kind, maxAttempts });
    if ('id' in inserted) return { id: inserted.id, created: false };
    this.#notifyAfterCommit(db, inserted.notice);
    return { id: inserted.notice.id, created: true };
  }

  /** Where this process ends before, the next look at the rows finds the job. */
  #notifyAfterCommit(db: Transaction, notice: Notice): void {
    const notifying = db.executionPromise.then(
      () => this.#dispatcher.notify([notice]),
      // Rolled back: there is no job.
      () => undefined,
    );
    this.#notifying.add(notifying);
    void notifying.finally(() => this.#notifying.delete(notifying));
  }
}
