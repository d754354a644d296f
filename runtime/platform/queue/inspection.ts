import type { Transaction } from '../database/connection.ts';
import type { LeasedJob } from './job-rows.ts';
import type { JobState } from './queue.ts';
import type { JobEventLevel } from './running-job.ts';

/** A job for people to look at. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly creatorId: string | null;
  readonly lane: string | null;
  readonly state: JobState;
  readonly payload: unknown;
  /** What the handler returned. */
  readonly result: unknown;
  /** Runs that ended in an error, and how many may. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Times it was begun, and how many of these were cut short since the last step. */
  readonly runs: number;
  readonly lost: number;
  /** Names of the completed steps in their order, with the time of each. */
  readonly steps: readonly { readonly name: string; readonly at: Date }[];
  /** Message of the last error. */
  readonly error: string | null;
  /** Which worker has it, while it is active. */
  readonly owner: string | null;
  readonly createdAt: Date;
  /** When it is to run, while it waits. */
  readonly runAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface JobFilter {
  readonly state?: JobState;
  readonly kind?: string;
  /** Named in a creator's own scope too: what the scope hides by itself is not found by an index. */
  readonly creatorId?: string;
  /** Part of the key or of the error, in any case. */
  readonly text?: string;
  /** The page after this one's last job, newest first. */
  readonly after?: Pick<JobView, 'id' | 'createdAt'>;
  /** @default 50 */
  readonly limit?: number;
}

/** A line of a job's progress. `id` grows within a job. */
export interface JobEvent {
  readonly id: number;
  readonly at: Date;
  readonly level: JobEventLevel;
  readonly text: string;
}

export interface JobCount {
  readonly kind: string;
  readonly state: JobState;
  readonly count: number;
  /** For how long the oldest of them has been due, in seconds; 0 where none is. */
  readonly overdueSeconds: number;
}

/** A row as the pages read it. */
interface JobRow extends Omit<LeasedJob, 'steps'> {
  readonly state: JobState;
  readonly result: unknown;
  readonly steps: readonly { readonly name: string; readonly at: string }[];
  readonly error: string | null;
  readonly owner: string | null;
  readonly due_at: Date | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** Jobs that the scope of `db` shows, newest first. */
export async function listJobs(db: Transaction, filter: JobFilter = {}): Promise<JobView[]> {
  const { state, kind, creatorId, text, after, limit = 50 } = filter;
  const query = db<JobRow>('jobs').orderBy([
    { column: 'created_at', order: 'desc' },
    { column: 'id', order: 'desc' },
  ]);
  if (state !== undefined) query.where({ state });
  if (kind !== undefined) query.where({ kind });
  if (creatorId !== undefined) query.where({ creator_id: creatorId });
  if (text !== undefined) query.whereRaw('(key ilike :text or error ilike :text)', { text: `%${escapeLike(text)}%` });
  if (after !== undefined) query.whereRaw('(created_at, id) < (?, ?)', [after.createdAt, after.id]);
  const rows = (await query.limit(limit)) as JobRow[];
  return rows.map(toView);
}

export async function findJob(db: Transaction, id: string): Promise<JobView | undefined> {
  const row = (await db('jobs').where({ id }).first()) as JobRow | undefined;
  return row && toView(row);
}

/**
 * A job's progress after a line, oldest first.
 *
 * @param afterId @default 0, from the beginning
 */
export async function readJobEvents(db: Transaction, id: string, afterId = 0): Promise<JobEvent[]> {
  return db('job_events')
    .where({ job_id: id })
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(1_000)
    .select<JobEvent[]>('id', 'at', 'level', 'text');
}

/** Jobs by kind and state, for metrics and for the head of the staff's page. */
export async function countJobs(db: Transaction): Promise<JobCount[]> {
  const { rows } = await db.raw<{ rows: JobCount[] }>(`select kind, state, count(*) as count,
    greatest(0, extract(epoch from now() - min(due_at)))::float8 as "overdueSeconds"
    from jobs group by kind, state order by kind, state`);
  return rows;
}

/** Jobs that failed for good and that nobody has retried. */
export async function countFailedJobs(db: Transaction): Promise<number> {
  const [row] = await db('jobs').where({ state: 'failed' }).count<{ count: string | number }[]>();
  return Number(row?.count ?? 0);
}

/**
 * Removes jobs that ended well or were cancelled before a moment, with their progress. The last job of a schedule stays: it
 * says which tick is done.
 *
 * @returns how many
 */
export async function pruneJobs(db: Transaction, before: Date): Promise<number> {
  return db('jobs')
    .whereIn('state', ['done', 'cancelled'])
    .where('finished_at', '<', before)
    .whereRaw(`(schedule is null or exists (
      select from jobs newer where newer.schedule = jobs.schedule and newer.created_at > jobs.created_at))`)
    .delete();
}

function toView(row: JobRow): JobView {
  return {
    id: row.id,
    kind: row.kind,
    key: row.key,
    creatorId: row.creator_id,
    lane: row.lane,
    state: row.state,
    payload: row.payload,
    result: row.result,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    runs: row.fence,
    lost: row.lost,
    steps: row.steps.map(({ name, at }) => ({ name, at: new Date(at) })),
    error: row.error,
    owner: row.owner,
    createdAt: row.created_at,
    runAt: row.state === 'waiting' ? row.due_at : null,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, String.raw`\$&`);
}
