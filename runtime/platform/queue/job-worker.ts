import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformDatabase } from '../database/connection.ts';
import type { Dispatcher, Listening, Taker } from './dispatcher.ts';
import { JobPayloadError } from './errors.ts';
import { findDue, findDueKinds, type LeasedJob, leaseJob, type Notice } from './job-rows.ts';
import { JobRun, type Outcome } from './job-run.ts';
import { Lease } from './lease.ts';
import type { Worker } from './queue.ts';
import type { JobHandler } from './running-job.ts';
import { failIfAlwaysLost, failureOf, type Settlement, settle } from './settlement.ts';

/** Due jobs of a kind that one look brings to a dispatcher which has lost them. */
const foundAtOnce = 500;

export interface JobWorkerArgs {
  readonly database: PlatformDatabase;
  readonly dispatcher: Dispatcher;
  readonly handlers: readonly JobHandler[];
  readonly owner: string;
}

/** Takes what a dispatcher brings: leases the row, runs the handler, writes down how it ended, says what is next. */
export class JobWorker implements Worker, Taker {
  readonly owner: string;
  readonly #database: PlatformDatabase;
  readonly #dispatcher: Dispatcher;
  readonly #handlers: ReadonlyMap<string, JobHandler>;
  readonly #runs = new Set<JobRun>();
  readonly #taking = new Set<Promise<boolean>>();
  #listening: Listening | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws Error where two handlers are for one kind */
  constructor({ database, dispatcher, handlers, owner }: JobWorkerArgs) {
    this.owner = owner;
    this.#database = database;
    this.#dispatcher = dispatcher;
    this.#handlers = new Map(handlers.map((handler) => [handler.definition.kind, handler]));
    if (this.#handlers.size < handlers.length) throw new Error('queue: a kind of job has two handlers');
  }

  async start(pollMs: number): Promise<void> {
    const kinds = [...this.#handlers.values()].map(({ definition }) => definition);
    this.#listening = await this.#dispatcher.listen(kinds, this, pollMs);
  }

  stop(graceMs = 20_000): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  take(kind: string, id?: string): Promise<boolean> {
    // A dispatcher may bring one more while it is being paused: it is left where it is.
    if (this.#stopped !== undefined) return Promise.resolve(false);
    const taking = this.#take(kind, id);
    this.#taking.add(taking);
    const forget = () => this.#taking.delete(taking);
    taking.then(forget, forget);
    return taking;
  }

  findDueKinds(): Promise<string[]> {
    return this.#database.asFleet((db) => findDueKinds(db, [...this.#handlers.keys()]));
  }

  findDue(): Promise<Notice[]> {
    return this.#database.asFleet((db) => findDue(db, [...this.#handlers.keys()], foundAtOnce));
  }

  async #take(kind: string, id?: string): Promise<boolean> {
    const handler = this.#handlers.get(kind);
    if (handler === undefined) return false;
    const { leaseMs } = handler.definition;
    const job = await this.#lease({ kind, id }, leaseMs);
    if (job === undefined) return false;
    const { notices } = (await failIfAlwaysLost(this.#database, job)) ?? (await this.#do(job, handler));
    await this.#dispatcher.notify(notices);
    return true;
  }

  async #lease(wanted: { kind: string; id?: string | undefined }, leaseMs: number): Promise<LeasedJob | undefined> {
    try {
      return await this.#database.asFleet((db) => leaseJob(db, wanted, { owner: this.owner, leaseMs }));
    } catch (error) {
      // Another of its lane was taken at the same moment.
      if ((error as { constraint?: string }).constraint === 'jobs_lane_active') return undefined;
      throw error;
    }
  }

  async #do(job: LeasedJob, handler: JobHandler): Promise<Settlement> {
    let run: JobRun | undefined;
    const lease = new Lease(this.#database, job, handler.definition.leaseMs, () => run?.interrupt('lease lost'));
    try {
      run = this.#open(job, handler);
      const outcome = await this.#execute(run, handler);
      return await settle(this.#database, job, handler.definition, outcome, () => lease.isHeld);
    } catch (error) {
      if (!(error instanceof JobPayloadError)) throw error;
      return await settle(this.#database, job, handler.definition, failureOf(error), () => lease.isHeld);
    } finally {
      lease.end();
    }
  }

  #open(job: LeasedJob, handler: JobHandler): JobRun {
    const run = new JobRun(this.#database, job, handler);
    // Taken just before the worker was stopped.
    if (this.#stopped !== undefined) run.handBack();
    return run;
  }

  async #execute(run: JobRun, handler: JobHandler): Promise<Outcome> {
    this.#runs.add(run);
    try {
      return await run.execute(handler);
    } finally {
      this.#runs.delete(run);
    }
  }

  async #stop(graceMs: number): Promise<void> {
    for (const run of this.#runs) run.handBack();
    await this.#listening?.pause();
    const settled = () => Promise.allSettled(this.#taking);
    const grace = new AbortController();
    await Promise.race([settled(), sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined)]);
    grace.abort();
    for (const run of this.#runs) run.interrupt('handed back');
    await settled();
    await this.#listening?.close();
  }
}
