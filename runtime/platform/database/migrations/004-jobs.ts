import type { Knex } from 'knex';
import { appRole, enforceTenancy } from '../tenancy.ts';

/** Jobs, which are the queue's truth, and the lines of their progress (runtime/platform/queue). */
export async function up(db: Knex): Promise<void> {
  await createJobs(db);
  await createIndexes(db);
  await createEvents(db);
}

async function createJobs(db: Knex): Promise<void> {
  await db.schema.createTable('jobs', (table) => {
    table.uuid('id').primary().defaultTo(db.raw('gen_random_uuid()'));
    // Null is the fleet's own.
    table.uuid('creator_id').references('creators.creator_id');
    table.text('kind').notNullable();
    table.text('key').notNullable().defaultTo(db.raw('gen_random_uuid()::text'));
    table.text('lane');
    table.text('schedule');
    table.jsonb('payload').notNullable();
    table.text('state').notNullable().defaultTo('waiting');
    // When a worker may take it: its time while it waits, the end of the lease while it is active.
    table.timestamp('due_at').defaultTo(db.raw('clock_timestamp()'));
    // Runs that ended in an error, and how many may.
    table.integer('attempts').notNullable().defaultTo(0);
    table.integer('max_attempts').notNullable();
    // Runs begun: what a worker writes, it writes under the number that it was given.
    table.integer('fence').notNullable().defaultTo(0);
    // Runs cut short since the last completed step.
    table.integer('lost').notNullable().defaultTo(0);
    table.text('owner');
    // [{name, at, result}] in the order of completion.
    table.jsonb('steps').notNullable().defaultTo('[]');
    table.jsonb('result');
    table.text('error');
    // To the millisecond, as JavaScript has it: pages go on after it.
    table.specificType('created_at', 'timestamptz(3)').notNullable().defaultTo(db.raw('clock_timestamp()'));
    table.timestamp('started_at');
    table.timestamp('finished_at');
    table.check("state in ('waiting', 'active', 'done', 'failed', 'cancelled')");
    table.check("(state in ('waiting', 'active')) = (due_at is not null)");
    table.check("(state = 'active') = (owner is not null)");
    table.check("(state in ('done', 'failed', 'cancelled')) = (finished_at is not null)");
  });
  await enforceTenancy(db, 'jobs', 'write-and-delete');
}

async function createIndexes(db: Knex): Promise<void> {
  const indexes = [
    // Idempotency. Within a creator, so that nobody takes another's key or learns of it.
    'create unique index jobs_key on jobs (kind, key, creator_id) nulls not distinct',
    // What workers take, and what they gave up.
    "create index jobs_due on jobs (kind, due_at) where state in ('waiting', 'active')",
    // One at a time in a lane, whatever races.
    "create unique index jobs_lane_active on jobs (lane) where state = 'active'",
    "create index jobs_lane_waiting on jobs (lane, due_at) where state = 'waiting' and lane is not null",
    // The pages: everything, a creator's, one state, one kind.
    'create index jobs_newest on jobs (created_at desc, id desc)',
    'create index jobs_creator on jobs (creator_id, created_at desc, id desc)',
    'create index jobs_state on jobs (state, created_at desc, id desc)',
    'create index jobs_kind on jobs (kind, created_at desc, id desc)',
    'create index jobs_schedule on jobs (schedule, created_at) where schedule is not null',
  ];
  for (const index of indexes) await db.raw(index);
}

async function createEvents(db: Knex): Promise<void> {
  await db.schema.createTable('job_events', (table) => {
    table.bigIncrements('id');
    table.uuid('job_id').notNullable().references('jobs.id').onDelete('cascade');
    table.uuid('creator_id').references('creators.creator_id');
    table.timestamp('at').notNullable().defaultTo(db.raw('clock_timestamp()'));
    table.text('level').notNullable();
    table.text('text').notNullable();
    table.check("level in ('info', 'warning', 'error')");
    table.index(['job_id', 'id']);
    table.index(['creator_id']);
  });
  await enforceTenancy(db, 'job_events', 'append');
  await db.raw('grant usage on sequence job_events_id_seq to ??', [appRole]);
}
