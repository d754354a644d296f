import type { Knex } from 'knex';

/** The role that the platform's processes are; it owns nothing and cannot bypass row-level security. */
export const appRole = 'platform_app';

/** What the application role may do with the rows of a table that its scope shows it. */
export type TableAccess = 'read' | 'append' | 'write' | 'write-and-delete';

const privileges: Readonly<Record<TableAccess, string>> = {
  read: 'select',
  append: 'select, insert',
  write: 'select, insert, update',
  'write-and-delete': 'select, insert, update, delete',
};

/**
 * Forces row-level security on a table with a column `creator_id` and grants the application role what it needs. Rows
 * without a creator are the fleet's own: no creator sees them.
 */
export async function enforceTenancy(db: Knex, table: string, access: TableAccess): Promise<void> {
  await db.raw('alter table ?? enable row level security', [table]);
  await db.raw('alter table ?? force row level security', [table]);
  // As subqueries the two are asked once a statement, and not once a row.
  const rule = '(select scope.is_fleet()) or creator_id = (select scope.creator_id())';
  await db.raw(`create policy tenancy on ?? using (${rule}) with check (${rule})`, [table]);
  await db.raw(`grant ${privileges[access]} on ?? to ??`, [table, appRole]);
}

/** Grants the application role a table that is everybody's, such as the price list. */
export async function shareTable(db: Knex, table: string, access: TableAccess): Promise<void> {
  await db.raw(`grant ${privileges[access]} on ?? to ??`, [table, appRole]);
}
