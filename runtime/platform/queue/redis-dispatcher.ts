import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createRedisClient } from '../volatile/redis-client.ts';
import type { RedisSettings } from '../volatile/redis-settings.ts';
import type { Dispatcher, ListenedKind, Listening, Taker } from './dispatcher.ts';
import type { Notice } from './job-rows.ts';
import { startPoll } from './poll.ts';
import type { QueueLog } from './queue-log.ts';

/** One slot for all of the queue's keys, so that it fits a Redis cluster. */
const prefix = 'platform:{queue}';

/** How long a notice waits for Redis. */
const patienceMs = 2_000;

/**
 * Brings jobs to workers by BullMQ, one of its queues a kind. A BullMQ job is a notice: it has the row's id, is named after
 * the run that it announces, so that saying it again changes nothing, and is gone when it was heard. All of Redis may go: the
 * poll says again what is due.
 */
export class RedisDispatcher implements Dispatcher {
  readonly pollMs = 5_000;
  readonly #settings: RedisSettings;
  readonly #log: QueueLog;
  readonly #queues = new Map<string, Queue>();
  #speaker: Redis | undefined;

  constructor(settings: RedisSettings, log: QueueLog) {
    this.#settings = settings;
    this.#log = log;
  }

  async notify(notices: readonly Notice[]): Promise<void> {
    const kinds = Map.groupBy(notices, ({ kind }) => kind);
    const said = [...kinds].map(([kind, about]) => this.#say(kind, about));
    const late = new AbortController();
    await Promise.race([
      Promise.all(said),
      sleep(patienceMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }

  async listen(kinds: readonly ListenedKind[], taker: Taker, pollMs: number): Promise<Listening> {
    const listeners = kinds.map((kind) => new KindListener(kind, taker, this.#settings, this.#log));
    const poll = startPoll(pollMs, this.#log, async () => {
      for (const listener of listeners) listener.ensureRunning();
      await this.notify(await taker.findDue());
    });
    return {
      pause: async () => {
        await poll.stop();
        await Promise.all(listeners.map((listener) => listener.pause()));
      },
      close: async () => {
        await Promise.all(listeners.map((listener) => listener.close()));
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(closeQuietly));
    this.#speaker?.disconnect();
  }

  async #say(kind: string, notices: readonly Notice[]): Promise<void> {
    const queue = this.#queues.get(kind) ?? this.#open(kind);
    try {
      await queue.addBulk(
        notices.map(({ id, fence, delayMs }) => ({
          name: kind,
          data: { id },
          opts: { jobId: `${id}-${fence}`, delay: delayMs, removeOnComplete: true, removeOnFail: true },
        })),
      );
    } catch {
      // The poll says it again. A queue that was opened as Redis went away stays broken: the next is another.
      if (this.#queues.get(kind) === queue) this.#queues.delete(kind);
      await closeQuietly(queue);
    }
  }

  #open(kind: string): Queue {
    this.#speaker ??= createRedisClient(this.#settings, { maxRetriesPerRequest: 1 }, (error) =>
      this.#log('queue: Redis is away', error),
    );
    const queue = new Queue(kind, { connection: this.#speaker, prefix });
    // The client's own listener tells of it.
    queue.on('error', () => undefined);
    this.#queues.set(kind, queue);
    return queue;
  }
}

/** A BullMQ worker for one kind, put up again where it gave up. */
class KindListener {
  readonly #kind: ListenedKind;
  readonly #taker: Taker;
  readonly #settings: RedisSettings;
  readonly #log: QueueLog;
  #worker: Worker;
  #client: Redis;
  #paused = false;

  constructor(kind: ListenedKind, taker: Taker, settings: RedisSettings, log: QueueLog) {
    this.#kind = kind;
    this.#taker = taker;
    this.#settings = settings;
    this.#log = log;
    [this.#worker, this.#client] = this.#start();
  }

  ensureRunning(): void {
    if (this.#paused || this.#worker.isRunning()) return;
    void this.close();
    [this.#worker, this.#client] = this.#start();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#worker.pause(true);
  }

  async close(): Promise<void> {
    const [worker, client] = [this.#worker, this.#client];
    // By force, since no job is running: a connection that was never made is waited for otherwise, and tried again for ever.
    await closeQuietly({ close: () => worker.close(true) });
    client.disconnect();
  }

  #start(): [Worker, Redis] {
    const { kind, concurrency } = this.#kind;
    const take = async ({ data }: { data: { id: string } }) => {
      await this.#taker.take(kind, data.id);
    };
    // BullMQ lets commands of a worker wait for as long as it takes. It takes a client that it has to connect itself for lost
    // where Redis does not answer at the first attempt, and says that it runs.
    const client = createRedisClient(this.#settings, { maxRetriesPerRequest: null, lazyConnect: false });
    const worker = new Worker(kind, take, {
      connection: client,
      prefix,
      concurrency,
      // What a dead worker had heard is heard by another soon; what it had leased waits for the end of the lease. Heard
      // twice, because a worker was slow, is no harm.
      lockDuration: 5_000,
      stalledInterval: 2_500,
      maxStalledCount: 100,
      runRetryDelay: 1_000,
    });
    worker.on('error', () => undefined);
    worker.on('failed', (_, error) => this.#log(`queue: a job of kind ${kind} could not be taken or settled`, error));
    return [worker, client];
  }
}

/** Closes what Redis may keep from closing. */
async function closeQuietly(closable: { close(): Promise<void> }): Promise<void> {
  const late = new AbortController();
  const closed = closable.close().catch(() => undefined);
  await Promise.race([closed, sleep(patienceMs, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
