import type { DatabaseStrategy } from '../../../sites/naming.ts';
import type { Site } from '../../../sites/schema.ts';
import type { Transaction } from '../database/connection.ts';

/** Enters a site into the platform's database as `pulumi up` does: by the functions that its migrations bring. */
export async function putSite(
  db: Transaction,
  entry: { readonly site: Site; readonly url: string; readonly strategy: DatabaseStrategy; readonly stack: string },
): Promise<void> {
  const { slug, creator, title, domains, plan, state } = entry.site;
  const { url, strategy, stack } = entry;
  const row = { slug, creator, title, url, domains, plan, state, strategy, stack };
  await db.raw('select registry.put_site(?::jsonb)', [JSON.stringify(row)]);
}

/** Marks a site as gone; its row and everything that was counted stay. */
export async function removeSite(db: Transaction, slug: string): Promise<void> {
  await db.raw('select registry.remove_site(?)', [slug]);
}
