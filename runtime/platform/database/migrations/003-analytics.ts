import type { Knex } from 'knex';
import { appRole, enforceTenancy } from '../tenancy.ts';

/** Parts of each table of daily numbers; a part may move to a server of its own. */
const partitions = 16;

/** Columns of `daily_metrics` that add up over the sites of a creator. */
const summed = [
  ...['members_total', 'members_free', 'members_paid', 'members_comped', 'members_gifted', 'members_new', 'paid_new'],
  ...['paid_churned', 'posts_published', 'emails_sent', 'emails_opened', 'emails_clicked', 'comments', 'requests'],
];

/**
 * The daily numbers of all sites and how their refreshes stand. Numbers follow a site that is handed over: they refer to
 * the site and its creator together, and PostgreSQL moves the rows to the other creator's part. What a site's database may
 * say is bounded, so that sums over ten thousand sites stay whole numbers of 53 bits whatever one of them claims.
 */
export async function up(db: Knex): Promise<void> {
  await createDailyMetrics(db);
  await createDailyRevenue(db);
  await createRefreshes(db);
  await createSums(db);
}

async function createDailyMetrics(db: Knex): Promise<void> {
  // Members are those at the end of the day, all else is what happened on it; null is not known.
  await db.raw(`create table daily_metrics (
      creator_id uuid not null,
      site_slug text not null,
      day date not null,
      members_total integer not null,
      members_free integer not null,
      members_paid integer not null,
      members_comped integer not null,
      members_gifted integer not null,
      members_new integer not null,
      paid_new integer not null,
      paid_churned integer not null,
      posts_published integer not null,
      emails_sent integer not null,
      emails_opened integer not null,
      emails_clicked integer not null,
      comments integer not null,
      storage_bytes bigint check (storage_bytes between 0 and 4e12),
      requests bigint check (requests between 0 and 1e11),
      primary key (creator_id, site_slug, day),
      foreign key (site_slug, creator_id) references sites (slug, creator_id) on update cascade
    ) partition by hash (creator_id)`);
  await createPartitions(db, 'daily_metrics');
  // All sites of a creator in a range of days, without the other days.
  await db.raw('create index on daily_metrics (creator_id, day)');
  await enforceTenancy(db, 'daily_metrics', 'write');
}

async function createDailyRevenue(db: Knex): Promise<void> {
  await db.raw(`create table daily_revenue (
      creator_id uuid not null,
      site_slug text not null,
      day date not null,
      currency text collate "C" not null check (currency ~ '^[a-z]{3}$'),
      mrr bigint not null check (mrr between 0 and 1e11),
      primary key (creator_id, site_slug, day, currency),
      foreign key (site_slug, creator_id) references sites (slug, creator_id) on update cascade
    ) partition by hash (creator_id)`);
  await createPartitions(db, 'daily_revenue');
  await db.raw('create index on daily_revenue (creator_id, day)');
  await enforceTenancy(db, 'daily_revenue', 'write');
}

/** Partitions have no policies of their own, so nobody but the tables' owner gets at one past its table. */
async function createPartitions(db: Knex, table: string): Promise<void> {
  for (let remainder = 0; remainder < partitions; remainder += 1) {
    const partition = `${table}_${String(remainder).padStart(2, '0')}`;
    await db.raw(`create table ?? partition of ?? for values with (modulus ${partitions}, remainder ${remainder})`, [
      partition,
      table,
    ]);
    await db.raw('revoke all on ?? from public, ??', [partition, appRole]);
  }
}

async function createRefreshes(db: Knex): Promise<void> {
  await db.schema.createTable('site_refreshes', (table) => {
    table.text('site_slug').primary();
    table.uuid('creator_id').notNullable();
    table.timestamp('last_attempt_at').notNullable();
    table.timestamp('last_success_at');
    table.timestamp('next_due_at').notNullable();
    table.integer('failures').notNullable().defaultTo(0);
    // Of the last attempt, where it failed.
    table.text('error');
    table.integer('duration_ms').notNullable().defaultTo(0);
    // First and last day that there are numbers of; the last one was not over when it was read.
    table.date('first_day');
    table.date('last_day');
    // Counters of the site's processes as they were last read: the next reading counts from there.
    table.jsonb('request_counters').notNullable().defaultTo('{}');
    // The last day's, for lists that are sorted by them.
    table.integer('members_total').notNullable().defaultTo(0);
    table.integer('members_paid').notNullable().defaultTo(0);
    table.jsonb('mrr').notNullable().defaultTo('{}');
    table.integer('staff').notNullable().defaultTo(0);
    table.bigInteger('storage_bytes');
    table.foreign(['site_slug', 'creator_id']).references(['slug', 'creator_id']).inTable('sites').onUpdate('CASCADE');
    table.index(['creator_id']);
    table.index(['next_due_at']);
  });
  await enforceTenancy(db, 'site_refreshes', 'write');
}

/**
 * The sums of a creator's sites by day, so that a page of a year costs the same with one site and with a thousand. They are
 * made anew from the daily numbers, never counted on, and one visit after the other: `creator_sums` has a row for each
 * creator, which whoever sums locks. A site that comes, goes or is handed over makes the sums stale until the next visit.
 */
async function createSums(db: Knex): Promise<void> {
  await db.schema.createTable('creator_days', (table) => {
    table.uuid('creator_id').notNullable().references('creators.creator_id');
    table.date('day').notNullable();
    for (const name of summed) table.bigInteger(name);
    table.primary(['creator_id', 'day']);
  });
  await db.schema.createTable('creator_revenue_days', (table) => {
    table.uuid('creator_id').notNullable().references('creators.creator_id');
    table.date('day').notNullable();
    table.text('currency').notNullable();
    table.bigInteger('mrr').notNullable();
    table.primary(['creator_id', 'day', 'currency']);
  });
  await db.schema.createTable('creator_sums', (table) => {
    table.uuid('creator_id').primary().references('creators.creator_id');
    table.boolean('stale').notNullable().defaultTo(true);
  });
  for (const table of ['creator_days', 'creator_revenue_days']) await enforceTenancy(db, table, 'write-and-delete');
  await enforceTenancy(db, 'creator_sums', 'write');
  // Each statement of a volatile function sees what was committed before it: after the lock, the other visits' rows too.
  await db.raw(`create function sum_creator_days(creator uuid, since date) returns void language plpgsql as $$
    declare
      everything boolean;
    begin
      insert into creator_sums (creator_id) values (creator) on conflict do nothing;
      select stale into strict everything from creator_sums where creator_id = creator for update;
      if everything then
        update creator_sums set stale = false where creator_id = creator;
        delete from creator_days where creator_id = creator;
        delete from creator_revenue_days where creator_id = creator;
        since := '-infinity';
      end if;
      insert into creator_days (creator_id, day, ${summed.join(', ')})
        select creator, day, ${summed.map((name) => `sum(${name})`).join(', ')} from daily_metrics
         where creator_id = creator and day >= since
           and site_slug in (select slug from sites where creator_id = creator and removed_at is null)
         group by day
        on conflict (creator_id, day) do update set ${summed.map((name) => `${name} = excluded.${name}`).join(', ')};
      insert into creator_revenue_days (creator_id, day, currency, mrr)
        select creator, day, currency, sum(mrr) from daily_revenue
         where creator_id = creator and day >= since
           and site_slug in (select slug from sites where creator_id = creator and removed_at is null)
         group by day, currency
        on conflict (creator_id, day, currency) do update set mrr = excluded.mrr;
    end $$`);
  await db.raw(`create function mark_sums_stale() returns trigger language plpgsql as $$
    begin
      update creator_sums set stale = true where creator_id in (old.creator_id, new.creator_id);
      return null;
    end $$`);
  await db.raw(`create trigger sums_go_stale after update of creator_id, removed_at on sites for each row
    when (old.creator_id is distinct from new.creator_id or old.removed_at is distinct from new.removed_at)
    execute function mark_sums_stale()`);
  await db.raw('revoke all on function sum_creator_days(uuid, date), mark_sums_stale() from public');
  await db.raw('grant execute on function sum_creator_days(uuid, date) to ??', [appRole]);
}
