import type { Transaction } from '../database/connection.ts';

/** A step that was completed, as its row keeps it. `result` is missing where the step returned nothing. */
export interface CompletedStep {
  readonly name: string;
  readonly at: string;
  readonly result?: unknown;
}

/** A row of `jobs` that a worker has taken. */
export interface LeasedJob {
  readonly id: string;
  readonly creator_id: string | null;
  readonly kind: string;
  readonly key: string;
  readonly lane: string | null;
  readonly payload: unknown;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly fence: number;
  readonly lost: number;
  readonly steps: readonly CompletedStep[];
}

/** Says that a job may be taken, and when. */
export interface Notice {
  readonly kind: string;
  readonly id: string;
  /** Runs begun when this was said: a notice of the same number says the same. */
  readonly fence: number;
  /** Until it is due. */
  readonly delayMs: number;
}

/** What a {@link Notice} is read from. */
const notice = `id, kind, fence, greatest(0, ceil(extract(epoch from due_at - clock_timestamp()) * 1000))::int8 as "delayMs"`;

/** No other job of its lane is active. */
const laneIsFree = `(lane is null or state = 'active'
  or not exists (select from jobs other where other.lane = jobs.lane and other.state = 'active'))`;

export interface NewJob {
  readonly creatorId: string | null;
  readonly kind: string;
  readonly key?: string | undefined;
  readonly lane?: string | undefined;
  readonly schedule?: string | undefined;
  readonly payload: unknown;
  readonly maxAttempts: number;
  readonly runAt?: Date | undefined;
}

/** Writes a job unless one of its kind, creator and key is there. @returns what to say of it, or the other's id */
export async function insertJob(db: Transaction, job: NewJob): Promise<{ notice: Notice } | { id: string }> {
  const columns = {
    creator_id: job.creatorId,
    kind: job.kind,
    lane: job.lane ?? null,
    schedule: job.schedule ?? null,
    payload: JSON.stringify(job.payload),
    max_attempts: job.maxAttempts,
    ...(job.key === undefined ? {} : { key: job.key }),
    ...(job.runAt === undefined ? {} : { due_at: job.runAt }),
  };
  const insert = db('jobs').insert(columns).onConflict(['kind', 'key', 'creator_id']).ignore();
  const [fresh] = (await insert.returning(db.raw(notice) as never)) as Notice[];
  if (fresh !== undefined) return { notice: fresh };
  const { kind, key, creatorId } = job;
  const found = await db('jobs').where({ kind, key, creator_id: creatorId }).first('id');
  if (found === undefined) throw new Error(`the job ${kind} ${key} went away while it was enqueued: enqueue it again`);
  return { id: found.id };
}

/**
 * Takes the job that has been due for longest, or the named one if it is due, for `leaseMs`. Whoever had it before can write
 * nothing to it any more.
 */
export async function leaseJob(
  db: Transaction,
  wanted: { readonly kind: string; readonly id?: string | undefined },
  lease: { readonly owner: string; readonly leaseMs: number },
): Promise<LeasedJob | undefined> {
  const { rows } = await db.raw<{ rows: LeasedJob[] }>(
    `with next as (
      select id from jobs where state in ('waiting', 'active') and due_at <= now() and kind = :kind
        and (:id::uuid is null or id = :id::uuid) and ${laneIsFree}
      order by due_at limit 1 for no key update skip locked)
    update jobs set state = 'active', fence = fence + 1, lost = lost + (state = 'active')::int, owner = :owner,
      due_at = clock_timestamp() + :leaseMs * interval '1 ms', started_at = coalesce(started_at, clock_timestamp())
    from next where jobs.id = next.id
    returning jobs.id, creator_id, kind, key, lane, payload, attempts, max_attempts, fence, lost, steps`,
    { kind: wanted.kind, id: wanted.id ?? null, owner: lease.owner, leaseMs: lease.leaseMs },
  );
  return rows[0];
}

/** Kinds, of the given ones, that have a job which could be taken now. */
export async function findDueKinds(db: Transaction, kinds: readonly string[]): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { kind: string }[] }>(
    `select kind from unnest(:kinds::text[]) as asked (kind) where exists (
      select from jobs where jobs.kind = asked.kind and state in ('waiting', 'active') and due_at <= now() and ${laneIsFree})`,
    { kinds: [...kinds] },
  );
  return rows.map(({ kind }) => kind);
}

/** Jobs that have been due for longest, of each of the kinds. */
export async function findDue(db: Transaction, kinds: readonly string[], limitOfEach: number): Promise<Notice[]> {
  const { rows } = await db.raw<{ rows: Notice[] }>(
    `select due.* from unnest(:kinds::text[]) as asked (kind), lateral (
      select ${notice} from jobs where jobs.kind = asked.kind and state in ('waiting', 'active') and due_at <= now()
        and ${laneIsFree} order by due_at limit :limitOfEach) due`,
    { kinds: [...kinds], limitOfEach },
  );
  return rows;
}

/** The job that waits for longest in a lane which has just become free. */
export async function findNextInLane(db: Transaction, lane: string): Promise<Notice[]> {
  const { rows } = await db.raw<{ rows: Notice[] }>(
    `select ${notice} from jobs where lane = ? and state = 'waiting' order by due_at limit 1`,
    [lane],
  );
  return rows;
}

/** Gives an ended job all its attempts again. */
export async function reviveJob(db: Transaction, id: string): Promise<Notice | undefined> {
  const revived = db('jobs')
    .where({ id })
    .whereIn('state', ['failed', 'cancelled'])
    .update({
      state: 'waiting',
      attempts: 0,
      lost: 0,
      due_at: db.raw('clock_timestamp()'),
      finished_at: null,
      // What was said of a cancelled job before is not what is to be said now.
      fence: db.raw("fence + (state = 'cancelled')::int"),
    });
  const [row] = (await revived.returning(db.raw(notice) as never)) as Notice[];
  return row;
}

/** Takes a waiting job back. */
export async function cancelJob(db: Transaction, id: string): Promise<boolean> {
  const changes = { state: 'cancelled', due_at: null, finished_at: db.raw('clock_timestamp()') };
  return (await db('jobs').where({ id, state: 'waiting' }).update(changes)) > 0;
}
