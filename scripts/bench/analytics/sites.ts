import pLimit from 'p-limit';
import { createDatabase } from '../../../runtime/database/catalogue.ts';
import { provisionSiteDatabase, withClient } from '../../../runtime/database/provision.ts';
import type { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { deriveSecret } from '../../../sites/derived-secret.ts';
import { namesOf } from '../../../sites/naming.ts';
import { connectPostgres } from '../../dataset/connections.ts';
import { createHistory, insertHistory } from '../../dataset/history.ts';
import type { PostgresServer } from '../../services/postgres.ts';
import { createReadableSite, settleReader } from '../../services/site-database.ts';

export interface SitesOptions {
  readonly sites: number;
  readonly key: string;
  readonly ghostPath: string;
  readonly history: { readonly through: string; readonly days: number; readonly members: number };
}

/** Databases that are made at once. */
const makers = 4;

/**
 * Makes the sites' databases and registers them: one is cloned from the template of its Ghost and filled with a history, and
 * all others are clones of that one, each with roles of its own, as any site's.
 *
 * @returns their slugs
 */
export async function createSites(
  server: PostgresServer,
  database: PlatformDatabase,
  options: SitesOptions,
  onProgress: (made: number) => void,
): Promise<string[]> {
  const { sites, key, ghostPath } = options;
  const seed = await createSeed(server, options);
  const slugs = Array.from({ length: sites }, (_, at) => `site-${String(at).padStart(5, '0')}`);
  const limit = pLimit(makers);
  let made = 0;
  await Promise.all(
    slugs.map((slug, at) =>
      limit(async () => {
        await withClient(server, 'postgres', (client) => createDatabase(client, namesOf(slug).database, seed));
        const readerPassword = deriveSecret(key, 'reader-password', slug);
        const request = { slug, strategy: 'database', password: 'a-password', readerPassword, ghostPath } as const;
        const place = await provisionSiteDatabase(server, request);
        await withClient(server, place.database, (client) => settleReader(client, place.schema, slug));
        await register(database, slug, `creator-${at % 100}@example.com`);
        made += 1;
        onProgress(made);
      }),
    ),
  );
  return slugs;
}

async function createSeed(server: PostgresServer, { key, ghostPath, history }: SitesOptions): Promise<string> {
  const { database } = await createReadableSite(server, { slug: 'the-seed', key, ghostPath });
  const knex = connectPostgres(server, { database, searchPath: 'public, mysql_compat' });
  try {
    const { id: newsletterId } = await knex('newsletters').first();
    await insertHistory(knex, createHistory({ ...history, seed: 1, newsletterId }));
    // As a site that has been running would have it.
    await knex.raw('vacuum analyze');
  } finally {
    await knex.destroy();
  }
  return database;
}

async function register(database: PlatformDatabase, slug: string, creator: string): Promise<void> {
  const url = `https://${slug}.example.com`;
  const entry = { slug, creator, title: slug, url, domains: [], plan: 'studio', state: 'active', strategy: 'database' };
  await database.asFleet((db) =>
    db.raw('select registry.put_site(?::jsonb)', [JSON.stringify({ ...entry, stack: 'bench' })]),
  );
}
