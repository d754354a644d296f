import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { isConnectionLoss } from '../database/connection-loss.ts';
import { JobInterruption, JobPayloadError, PermanentFailure } from './errors.ts';
import type { CompletedStep, LeasedJob } from './job-rows.ts';
import { addEvent, completeStep } from './leased-rows.ts';
import type { JobEventLevel, JobHandler, RunningJob, Stored } from './running-job.ts';

/** How a run of a handler ended. */
export type Outcome =
  | { readonly end: 'done'; readonly result: unknown }
  | { readonly end: 'failed'; readonly error: unknown; readonly permanent: boolean }
  | { readonly end: 'interrupted'; readonly reason: JobInterruption['reason'] };

/**
 * One run of a leased job: recalls the steps of earlier runs, commits new ones under the job's fence, and lets itself be
 * ended between steps, or at once.
 */
export class JobRun implements RunningJob<unknown> {
  readonly id: string;
  readonly key: string;
  readonly creatorId: string | null;
  readonly payload: unknown;
  readonly run: number;
  readonly #database: PlatformDatabase;
  readonly #job: LeasedJob;
  readonly #scope: 'owner' | 'fleet';
  readonly #completed: ReadonlyMap<string, CompletedStep>;
  readonly #begun = new Set<string>();
  readonly #aborter = new AbortController();
  readonly #cut = Promise.withResolvers<void>();
  #handBackAsked = false;
  #interruption: JobInterruption | undefined;

  /** @throws JobPayloadError where the row's payload is not what the kind takes (any more) */
  constructor(database: PlatformDatabase, job: LeasedJob, { definition }: JobHandler) {
    const payload = definition.payload.safeParse(job.payload);
    if (!payload.success) throw new JobPayloadError(job.kind, payload.error);
    this.id = job.id;
    this.key = job.key;
    this.creatorId = job.creator_id;
    this.payload = payload.data;
    this.run = job.fence;
    this.#database = database;
    this.#job = job;
    this.#scope = job.creator_id === null ? 'fleet' : definition.scope;
    this.#completed = new Map(job.steps.map((step) => [step.name, step]));
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** Runs the handler to one of its ends. Never rejects. After an interruption the handler may still be at work, in vain. */
  execute(handler: JobHandler): Promise<Outcome> {
    // A handler that is no async function may throw right here.
    const running = Promise.resolve().then(() => handler.run(this));
    const ended = running.then(
      (result): Outcome => this.#interrupted() ?? { end: 'done', result },
      (error: unknown): Outcome =>
        this.#interrupted() ?? { end: 'failed', error, permanent: error instanceof PermanentFailure },
    );
    const cut = this.#cut.promise.then(
      (): Outcome => this.#interrupted() ?? { end: 'interrupted', reason: 'lease lost' },
    );
    return Promise.race([ended, cut]);
  }

  /** Ends the run where its next step would begin. */
  handBack(): void {
    this.#handBackAsked = true;
  }

  /** Ends the run now, whatever it is doing. */
  interrupt(reason: JobInterruption['reason']): void {
    const interruption = this.#interrupt(reason);
    this.#aborter.abort(interruption);
    this.#cut.resolve();
  }

  async step<T>(name: string, work: (db: Transaction) => Promise<T>): Promise<Stored<T>> {
    const completed = this.#begin(name);
    if (completed !== undefined) return completed.result as Stored<T>;
    return (await this.#transact(async (db) => this.#complete(db, name, await work(db)))) as Stored<T>;
  }

  async externalStep<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<Stored<T>> {
    const completed = this.#begin(name);
    if (completed !== undefined) return completed.result as Stored<T>;
    const result = await work(this.signal);
    return (await this.#transact((db) => this.#complete(db, name, result))) as Stored<T>;
  }

  async log(text: string, level: JobEventLevel = 'info'): Promise<void> {
    this.#refuseWhenInterrupted();
    const written = await this.#transact((db) => addEvent(db, this.#job, level, text.replaceAll('\0', '')));
    if (!written) throw this.#interrupt('lease lost');
  }

  #begin(name: string): CompletedStep | undefined {
    if (this.#begun.has(name))
      throw new PermanentFailure(`step ${name} of ${this.#job.kind} is run twice: name them apart`);
    this.#begun.add(name);
    this.#refuseWhenInterrupted();
    const completed = this.#completed.get(name);
    if (completed === undefined && this.#handBackAsked) throw this.#interrupt('handed back');
    return completed;
  }

  async #complete(db: Transaction, name: string, value: unknown): Promise<unknown> {
    const json = JSON.stringify(value);
    // What this run goes on with is what a later one would be given.
    const result: unknown = json === undefined ? undefined : JSON.parse(json);
    const step = { name, at: new Date().toISOString(), result };
    if (!(await completeStep(db, this.#job, step))) throw this.#interrupt('lease lost');
    return result;
  }

  async #transact<T>(work: (db: Transaction) => Promise<T>): Promise<T> {
    const { creator_id } = this.#job;
    try {
      return this.#scope === 'fleet' || creator_id === null
        ? await this.#database.asFleet(work)
        : await this.#database.asCreator(creator_id, work);
    } catch (error) {
      if (isConnectionLoss(error)) throw this.#interrupt('database away', error);
      throw error;
    }
  }

  #refuseWhenInterrupted(): void {
    if (this.#interruption !== undefined) throw this.#interruption;
  }

  /** The first interruption stands: a handler that swallows it gets it again. */
  #interrupt(reason: JobInterruption['reason'], cause?: unknown): JobInterruption {
    this.#interruption ??= new JobInterruption(reason, { cause });
    return this.#interruption;
  }

  #interrupted(): Outcome | undefined {
    return this.#interruption && { end: 'interrupted', reason: this.#interruption.reason };
  }
}
