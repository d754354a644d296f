import type { Knex } from 'knex';

/**
 * What a visit learns of a site beside its numbers: the version it runs, its newest backup, and the requests of its last
 * day, by which the fleet is sorted.
 */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('site_refreshes', (table) => {
    table.text('ghost_version');
    // False: the site cannot say whether there are backups.
    table.boolean('backups_known').notNullable().defaultTo(false);
    table.timestamp('newest_backup_at');
    // Of the last day, so far; null is not known.
    table.bigInteger('requests');
  });
}
