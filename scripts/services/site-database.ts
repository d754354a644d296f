import type pg from 'pg';
import { type Administrator, withClient } from '../../runtime/database/administrator.ts';
import { provisionSiteDatabase, type SiteDatabase } from '../../runtime/database/provision.ts';
import { compareReader } from '../../runtime/site/migration/analytics-reader.ts';
import { deriveSecret } from '../../sites/derived-secret.ts';
import { namesOf } from '../../sites/naming.ts';

/**
 * A site's database cloned from the template of a Ghost, without that Ghost ever running: its analytics role has the password
 * that the key gives and may read what a site's first start would let it read.
 */
export async function createReadableSite(
  server: Administrator,
  site: { readonly slug: string; readonly key: string; readonly ghostPath: string },
): Promise<SiteDatabase> {
  const { slug, key, ghostPath } = site;
  const readerPassword = deriveSecret(key, 'reader-password', slug);
  const request = { slug, strategy: 'database', password: 'a-password', readerPassword, ghostPath } as const;
  const place = await provisionSiteDatabase(server, request);
  await withClient(server, place.database, (client) => settleReader(client, place.schema, slug));
  return place;
}

/** Gives a site's analytics role its rights, as the site's own migration does. */
export async function settleReader(client: pg.Client, schema: string, slug: string): Promise<void> {
  const statements = await compareReader(client, schema, namesOf(slug).readerRole);
  if (statements.length > 0) await client.query(statements.join('; '));
}
