import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Table, TransferTarget } from './database.ts';

/** Rows that Ghost's fixtures put into the tables that people write to, by the name of the model. */
const models = {
  User: 'users',
  Post: 'posts',
  Tag: 'tags',
  Newsletter: 'newsletters',
  Product: 'products',
  Integration: 'integrations',
} as const;

/** Tables that Ghost fills with the fixtures, or by itself while it runs, without anybody having used the site. */
const ofGhost = new Set([
  ...['migrations', 'migrations_lock', 'posts', 'posts_authors', 'posts_meta', 'posts_tags', 'post_revisions', 'tags'],
  ...['roles', 'roles_users', 'permissions', 'permissions_roles', 'users', 'integrations', 'api_keys', 'products'],
  ...['newsletters', 'collections', 'collections_posts', 'email_design_settings', 'settings', 'custom_theme_settings'],
  ...['actions', 'brute', 'jobs', 'sessions', 'outbox', 'tinybird_syncs', 'milestones'],
]);

/**
 * What shows that people have used a site, a line each: an owner that was set up, or rows that Ghost did not put there
 * when it initialised the database. Nothing for a site that was never set up, whose rows are all Ghost's own.
 */
export async function findUse(target: TransferTarget, tables: readonly Table[], ghostPath: string): Promise<string[]> {
  const use: string[] = [];
  const fixtures = await countFixtures(ghostPath);
  for (const { name } of tables) {
    const rows = await target.countRows(name);
    const own = fixtures.get(name);
    if (own !== undefined && rows > own)
      use.push(`table ${name}: expected only the ${own} rows that Ghost puts there; got ${rows}`);
    else if (rows > 0 && !ofGhost.has(name)) use.push(`table ${name}: expected no rows; got ${rows}`);
  }
  if (tables.some(({ name }) => name === 'users')) {
    const users = { table: 'users', columns: [{ name: 'status', kind: 'text' }] } as const;
    for await (const [status] of target.readRows(users)) {
      // As Ghost itself tells whether a site was set up.
      if (status !== 'inactive')
        use.push(`table users: expected an owner that was never set up; got one that is ${status}`);
    }
  }
  return use;
}

async function countFixtures(ghostPath: string): Promise<Map<string, number>> {
  const file = path.join(ghostPath, 'core/server/data/schema/fixtures/fixtures.json');
  const fixtures = JSON.parse(await readFile(file, 'utf8')) as { models: { name: string; entries: unknown[] }[] };
  return new Map(
    Object.entries(models).map(([model, table]) => [
      table,
      fixtures.models.find(({ name }) => name === model)?.entries.length ?? 0,
    ]),
  );
}
