import type { Knex } from 'knex';
import { enforceTenancy } from '../tenancy.ts';

/** Wishes to have a site deleted, each with the day before which nothing is done about it. */
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('deletion_requests', (table) => {
    table.uuid('id').primary().defaultTo(db.raw('gen_random_uuid()'));
    table.text('site_slug').notNullable().references('sites.slug');
    table.uuid('creator_id').notNullable().references('creators.creator_id');
    table.text('requested_by').notNullable();
    table.timestamp('requested_at').notNullable();
    table.timestamp('due_at').notNullable();
    table.timestamp('withdrawn_at');
    table.index(['creator_id']);
    // One wish at a time.
    table.unique(['site_slug'], { predicate: db.whereRaw('withdrawn_at is null') });
    table.check('due_at > requested_at');
  });
  await enforceTenancy(db, 'deletion_requests', 'write');
}
