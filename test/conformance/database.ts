import path from 'node:path';
import type { Knex } from 'knex';
import { readGhostSchema } from '../../scripts/dataset/ghost-schema.ts';
import { createDataset, type DatasetOptions } from '../../scripts/dataset/rows.ts';

/** Keys with which every contestant is asked. */
export const apiKeys = {
  content: `${'c0ffee'.repeat(4)}c0`,
  admin: { id: `5fffffffc0ffee${'0'.repeat(9)}1`, secret: 'ab'.repeat(32) },
};

const counts = {
  posts: 48,
  posts_meta: 24,
  posts_authors: 64,
  posts_tags: 110,
  posts_products: 30,
  tags: 21,
  users: 6,
  members: 70,
  members_labels: 60,
  members_newsletters: 80,
  members_products: 40,
  labels: 12,
  newsletters: 5,
  snippets: 12,
  products: 4,
  offers: 6,
  emails: 12,
  email_recipients: 60,
  comments: 40,
  comment_likes: 50,
  members_created_events: 70,
  members_status_events: 60,
  members_subscribe_events: 60,
  members_click_events: 60,
  members_feedback: 40,
  members_paid_subscription_events: 40,
  members_payment_events: 30,
  members_stripe_customers: 24,
  members_stripe_customers_subscriptions: 24,
  members_subscription_created_events: 24,
  redirects: 24,
  integrations: 4,
  webhooks: 6,
  automations: 0,
  automation_actions: 0,
  automation_action_revisions: 0,
  welcome_email_automated_emails: 0,
  automated_email_recipients: 0,
  email_design_settings: 0,
};

/**
 * Fills a database that Ghost has initialised; the rows are the same for the same seed, whatever the database.
 *
 * @returns the universally unique ids among them
 */
export async function fillDatabase(knex: Knex, ghostPath: string, options: DatasetOptions): Promise<Set<string>> {
  const dataset = createDataset(readGhostSchema(ghostPath), { ...options, counts: { ...counts, ...options.counts } });
  await levelSetUp(knex);
  for (const { table, rows } of dataset) {
    for (let at = 0; at < rows.length; at += 40) await knex(table).insert(rows.slice(at, at + 40));
  }
  const now = `${options.anchor.toISOString().slice(0, 10)} 00:00:00`;
  const editor = await knex('roles').where({ name: 'Editor' }).first('id');
  const integration = await knex('roles').where({ name: 'Admin Integration' }).first('id');
  const users = dataset.find(({ table }) => table === 'users')?.rows ?? [];
  const integrations = dataset.find(({ table }) => table === 'integrations')?.rows ?? [];
  await knex('roles_users').insert(
    users.map(({ id }) => ({ id: String(id).replace('c0ffee', 'c0ffed'), role_id: editor.id, user_id: id })),
  );
  const key = { integration_id: integrations[0]?.id, created_at: now };
  await knex('api_keys').insert([
    { ...key, id: apiKeys.admin.id, type: 'admin', secret: apiKeys.admin.secret, role_id: integration.id },
    { ...key, id: apiKeys.admin.id.replace(/1$/, '2'), type: 'content', secret: apiKeys.content, role_id: null },
  ]);
  return new Set(
    dataset.flatMap(({ rows }) => rows.flatMap((row) => (typeof row.uuid === 'string' ? [row.uuid] : []))),
  );
}

/**
 * Ghost goes on after the set-up was answered: it puts the title into its first posts, and notes what it did, several
 * times within one second. How far it came is chance.
 */
async function levelSetUp(knex: Knex): Promise<void> {
  await knex('actions').del();
  await knex('post_revisions').del();
  const text = 'A first post.';
  await knex('posts').update({ html: `<p>${text}</p>`, plaintext: text, lexical: null, mobiledoc: null });
}

/** What Ghost's first start made by chance, and a name for each that is the same on every database. */
export async function nameGenerated(knex: Knex): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const naturalKeys: readonly (readonly [table: string, key: string, generated: readonly string[]])[] = [
    ['users', 'email', ['id']],
    ['roles', 'name', ['id']],
    ['permissions', 'name', ['id']],
    ['settings', 'key', ['id']],
    ['newsletters', 'slug', ['id', 'uuid']],
    ['products', 'slug', ['id']],
    ['integrations', 'slug', ['id']],
    ['posts', 'slug', ['id', 'uuid', 'comment_id']],
    ['tags', 'slug', ['id']],
    ['collections', 'slug', ['id']],
    ['automations', 'slug', ['id']],
    ['email_design_settings', 'slug', ['id']],
  ];
  for (const [table, key, generated] of naturalKeys) {
    if (!(await knex.schema.hasTable(table))) continue;
    for (const row of await knex(table).select([key, ...generated])) {
      if (row.id.includes('c0ffee')) continue;
      for (const column of generated) {
        const value = row[column];
        if (typeof value === 'string' && !value.includes('c0ffee'))
          names.set(value, `<${table}.${column} of ${row[key]}>`);
      }
    }
  }
  const secrets = await knex('settings')
    .whereIn('key', [
      'site_uuid',
      'db_hash',
      'members_public_key',
      'ghost_public_key',
      'public_hash',
      'members_private_key',
    ])
    .select(['key', 'value']);
  for (const { key, value } of secrets)
    if (typeof value === 'string' && value !== '') names.set(value, `<setting ${key}>`);
  for (const row of await knex('api_keys').select(['id', 'secret', 'integration_id', 'type'])) {
    if (row.id.includes('c0ffee')) continue;
    const owner = names.get(row.integration_id) ?? 'nobody';
    names.set(row.id, `<${row.type} key of ${owner}>`);
    names.set(row.secret, `<${row.type} secret of ${owner}>`);
  }
  return names;
}

/** Folder of a contestant's content, below `dir`. */
export function contentPathOf(dir: string, name: string): string {
  return path.join(dir, name, 'content');
}
