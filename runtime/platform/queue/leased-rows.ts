import type { Transaction } from '../database/connection.ts';
import type { CompletedStep, LeasedJob } from './job-rows.ts';
import type { JobEventLevel } from './running-job.ts';

/** A run of a job: what is written under it is refused once another run has begun. */
export type Fence = Pick<LeasedJob, 'id' | 'fence' | 'creator_id'>;

/** How a run that does not end the job leaves it: to wait for `delayMs`. */
export interface Return {
  readonly delayMs: number;
  /** Whether the run ended in an error of its own, which counts. */
  readonly failed: boolean;
  /** Whether it was cut short by something that may be its own doing. */
  readonly lost: boolean;
  readonly error?: string;
}

/** All of these change the row only while it is active under the fence, and return whether it was. */
const own = (db: Transaction, { id, fence }: Fence) => db('jobs').where({ id, fence, state: 'active' });

const gone = { due_at: null, owner: null } as const;

/** Keeps the lease for another `leaseMs`. */
export async function renewLease(db: Transaction, fence: Fence, leaseMs: number): Promise<boolean> {
  const changes = { due_at: db.raw("clock_timestamp() + ? * interval '1 ms'", [leaseMs]) };
  return (await own(db, fence).update(changes)) > 0;
}

/** Records a completed step, in the transaction of its effect; the row is locked from here to the commit. */
export async function completeStep(db: Transaction, fence: Fence, step: CompletedStep): Promise<boolean> {
  const changes = { steps: db.raw('steps || ?::jsonb', [JSON.stringify([step])]), lost: 0 };
  return (await own(db, fence).update(changes)) > 0;
}

export async function completeJob(db: Transaction, fence: Fence, result: unknown): Promise<boolean> {
  const changes = { ...gone, state: 'done', result: toJson(result), error: null };
  return (await own(db, fence).update({ ...changes, finished_at: db.raw('clock_timestamp()') })) > 0;
}

export async function failJob(db: Transaction, fence: Fence, error: string, failed: boolean): Promise<boolean> {
  const changes = { ...gone, state: 'failed', error, attempts: db.raw('attempts + ?', [Number(failed)]) };
  return (await own(db, fence).update({ ...changes, finished_at: db.raw('clock_timestamp()') })) > 0;
}

export async function returnJob(db: Transaction, fence: Fence, back: Return): Promise<boolean> {
  const changes = {
    state: 'waiting',
    owner: null,
    due_at: db.raw("clock_timestamp() + ? * interval '1 ms'", [back.delayMs]),
    attempts: db.raw('attempts + ?', [Number(back.failed)]),
    lost: db.raw('lost + ?', [Number(back.lost)]),
    ...(back.error === undefined ? {} : { error: back.error }),
  };
  return (await own(db, fence).update(changes)) > 0;
}

/** Adds a line of progress, while the job is active under the fence. */
export async function addEvent(db: Transaction, fence: Fence, level: JobEventLevel, text: string): Promise<boolean> {
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `insert into job_events (job_id, creator_id, level, text)
      select id, creator_id, :level, :text from jobs where id = :id and fence = :fence and state = 'active'`,
    { id: fence.id, fence: fence.fence, level, text },
  );
  return rowCount > 0;
}

function toJson(value: unknown): string | null {
  return JSON.stringify(value) ?? null;
}
