import type { Knex } from 'knex';
import { appRole, enforceTenancy } from '../tenancy.ts';

/** Parts of each table of daily numbers; a part may move to a server of its own. */
const partitions = 16;

/**
 * The daily numbers of all sites and how their refreshes stand. Numbers follow a site that is handed over: they refer to
 * the site and its creator together, and PostgreSQL moves the rows to the other creator's part. What a site's database may
 * say is bounded, so that sums over ten thousand sites stay whole numbers of 53 bits whatever one of them claims.
 */
export async function up(db: Knex): Promise<void> {
  await createDailyMetrics(db);
  await createDailyRevenue(db);
  await createRefreshes(db);
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
