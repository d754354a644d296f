import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import type { Transaction } from '../../../runtime/platform/database/connection.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { type JobView, listJobs, readJobEvents } from '../../../runtime/platform/queue/inspection.ts';
import { findDue, findDueKinds, leaseJob } from '../../../runtime/platform/queue/job-rows.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();

describe('among twenty thousand jobs', () => {
  let creatorId: string;
  let middle: Pick<JobView, 'id' | 'createdAt'>;

  beforeAll(async () => {
    await withClient(platform.server, platformDatabase, async (client) => {
      await client.query(
        "insert into creators (email) select 'c' || n || '@example.com' from generate_series(1, 500) n",
      );
      await client.query(`insert into jobs (kind, creator_id, payload, max_attempts, state, due_at, finished_at, lane, created_at)
        select 'kind ' || n % 8, case when n % 2 = 0 then (array(select creator_id from creators))[n % 500 + 1] end, '{}', 5,
          state, case when state = 'waiting' then now() - n * interval '1 s' end, case when state <> 'waiting' then now() end,
          case when n % 3 = 0 then 'lane ' || n % 50 end, now() - n * interval '5 min'
        from generate_series(1, 20000) n,
          lateral (select case when n % 100 = 0 then 'waiting' when n % 1000 = 1 then 'failed' else 'done' end as state) s`);
      await client.query(
        `insert into job_events (job_id, creator_id, level, text) select id, creator_id, 'info', 'x' from jobs`,
      );
      await client.query('analyze');
      const { rows } = await client.query(
        'select creator_id, id, created_at from jobs where creator_id is not null offset 5000 limit 1',
      );
      creatorId = rows[0].creator_id;
      middle = { id: rows[0].id, createdAt: rows[0].created_at };
    });
  });

  it.each<[string, string, (db: Transaction) => Promise<unknown>]>([
    ['a worker takes the next', 'jobs_due', (db) => leaseJob(db, { kind: 'kind 4' }, { owner: 'x', leaseMs: 1 })],
    [
      'a worker takes one it was told of',
      'jobs_pkey',
      (db) => leaseJob(db, { kind: 'kind 4', id: middle.id }, { owner: 'x', leaseMs: 1 }),
    ],
    ['a worker looks for kinds', 'jobs_due', (db) => findDueKinds(db, ['kind 0', 'kind 1', 'kind 4'])],
    ['a worker looks for jobs', 'jobs_due', (db) => findDue(db, ['kind 0', 'kind 1', 'kind 4'], 500)],
    ['staff list all', 'jobs_newest', (db) => listJobs(db)],
    ['staff list a later page', 'jobs_newest', (db) => listJobs(db, { after: middle })],
    ['staff list the failed', 'jobs_state', (db) => listJobs(db, { state: 'failed' })],
    ['staff list a kind', 'jobs_kind', (db) => listJobs(db, { kind: 'kind 3' })],
    ['staff list a creator’s', 'jobs_creator', (db) => listJobs(db, { creatorId })],
    ['a page reads the progress of one', 'job_events_job_id_id_index', (db) => readJobEvents(db, middle.id)],
  ])('%s by %s', async (_, index, ask) => {
    const plan = await platform.database.asFleet((db) => explain(db, ask));
    expect(plan).toContain(index);
    expect(plan).not.toMatch(/Seq Scan on (jobs|job_events)/);
  });

  it('a creator’s are listed by an index in its own scope too', async () => {
    const plan = await platform.database.asCreator(creatorId, (db) => explain(db, (db) => listJobs(db, { creatorId })));
    expect(plan).toContain('jobs_creator');
  });
});

/** Plans of the statements that `ask` sends. */
async function explain(db: Transaction, ask: (db: Transaction) => Promise<unknown>): Promise<string> {
  const sent: { sql: string; bindings: unknown[] }[] = [];
  const listen = (query: { sql: string; bindings: unknown[] }) => sent.push(query);
  db.on('query', listen);
  await ask(db);
  db.removeListener('query', listen);
  const plans: string[] = [];
  for (const { sql, bindings } of sent) {
    const { rows } = await db.raw(`explain ${sql.replace(/\$\d+/g, '?')}`, bindings as string[]);
    plans.push(...rows.map((row: Record<string, string>) => row['QUERY PLAN']));
  }
  expect(plans.length).toBeGreaterThan(0);
  return plans.join('\n');
}
