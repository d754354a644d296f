import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { isConnectionLoss } from '../database/connection-loss.ts';
import { backoffMs } from './backoff.ts';
import type { JobDefinition } from './definition.ts';
import type { JobPayloadError } from './errors.ts';
import type { LeasedJob, Notice } from './job-rows.ts';
import { findNextInLane } from './job-rows.ts';
import type { Outcome } from './job-run.ts';
import { addEvent, completeJob, failJob, returnJob } from './leased-rows.ts';

/** Runs of a job that may be cut short without a step between them: then it is taken for what cuts them short. */
const lostAtMost = 20;

/** What became of a run, as its row says now. */
export interface Settlement {
  readonly state: 'done' | 'failed' | 'waiting' | 'another run’s';
  /** Jobs that may be taken now, or after a while. */
  readonly notices: readonly Notice[];
}

const taken: Settlement = { state: 'another run’s', notices: [] };

/**
 * Writes down how a run ended, and tries again while the database is away and the lease holds.
 *
 * @param isHeld whether nobody else can have taken the job yet
 */
export async function settle(
  database: PlatformDatabase,
  job: LeasedJob,
  definition: JobDefinition<unknown>,
  outcome: Outcome,
  isHeld: () => boolean,
): Promise<Settlement> {
  if (outcome.end === 'interrupted' && outcome.reason === 'lease lost') return taken;
  for (;;) {
    try {
      return await database.asFleet((db) => write(db, job, definition, outcome));
    } catch (error) {
      if (!isConnectionLoss(error)) {
        if (outcome.end !== 'done') throw error;
        // What it returned cannot be kept, and never will be.
        return settle(database, job, definition, { end: 'failed', error, permanent: true }, isHeld);
      }
      // The lease ends by itself, and the next run finds every step.
      if (!isHeld()) return taken;
      await sleep(200);
    }
  }
}

async function write(
  db: Transaction,
  job: LeasedJob,
  definition: JobDefinition<unknown>,
  outcome: Outcome,
): Promise<Settlement> {
  switch (outcome.end) {
    case 'done':
      return ended(db, job, 'done', await completeJob(db, job, outcome.result));
    case 'failed':
      return writeFailure(db, job, definition, outcome);
    case 'interrupted': {
      const lost = outcome.reason === 'database away';
      const delayMs = lost ? backoffMs({ firstMs: 500, longestMs: 30_000 }, job.lost + 1) : 0;
      return waiting(db, job, delayMs, await returnJob(db, job, { delayMs, failed: false, lost }));
    }
  }
}

async function writeFailure(
  db: Transaction,
  job: LeasedJob,
  definition: JobDefinition<unknown>,
  outcome: Outcome & { end: 'failed' },
): Promise<Settlement> {
  const error = describeError(outcome.error);
  const attempt = job.attempts + 1;
  if (outcome.permanent || attempt >= job.max_attempts) {
    await addEvent(db, job, 'error', `failed, attempt ${attempt} of ${job.max_attempts}: ${error}`);
    return ended(db, job, 'failed', await failJob(db, job, error, true));
  }
  const delayMs = backoffMs(definition.backoff, attempt);
  const next = `again in ${(delayMs / 1000).toFixed(1)} s`;
  await addEvent(db, job, 'warning', `attempt ${attempt} of ${job.max_attempts}: ${error}; ${next}`);
  return waiting(db, job, delayMs, await returnJob(db, job, { delayMs, failed: true, lost: false, error }));
}

/**
 * Judges a job before it is run: one whose runs are cut short again and again is failed, since it may be what takes the
 * workers down.
 *
 * @returns undefined where it is to be run
 */
export async function failIfAlwaysLost(database: PlatformDatabase, job: LeasedJob): Promise<Settlement | undefined> {
  if (job.lost <= lostAtMost) return undefined;
  const error = `${job.lost} runs were cut short without completing a step`;
  return database.asFleet(async (db) => {
    await addEvent(db, job, 'error', error);
    return ended(db, job, 'failed', await failJob(db, job, error, false));
  });
}

/** A payload that the kind does not take any more will never be: the job is failed without a run. */
export function failureOf(error: JobPayloadError): Outcome {
  return { end: 'failed', error, permanent: true };
}

async function ended(db: Transaction, job: LeasedJob, state: 'done' | 'failed', written: boolean): Promise<Settlement> {
  if (!written) return taken;
  return { state, notices: job.lane === null ? [] : await findNextInLane(db, job.lane) };
}

async function waiting(db: Transaction, job: LeasedJob, delayMs: number, written: boolean): Promise<Settlement> {
  if (!written) return taken;
  const again: Notice = { kind: job.kind, id: job.id, fence: job.fence, delayMs };
  const others = job.lane === null ? [] : await findNextInLane(db, job.lane);
  return { state: 'waiting', notices: [again, ...others.filter(({ id }) => id !== job.id)] };
}

/** An error's message with those of what caused it; what its row and its page can hold. */
function describeError(error: unknown): string {
  const messages: string[] = [];
  for (
    let at: unknown = error;
    at !== undefined && messages.length < 5;
    at = at instanceof Error ? at.cause : undefined
  )
    messages.push(at instanceof Error ? at.message : String(at));
  return messages.join(': ').replaceAll('\0', '').slice(0, 4_000);
}
