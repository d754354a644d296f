import path from 'node:path';
import type { Administrator } from '../../runtime/database/administrator.ts';
import { DatabaseReader, type ReadingLimits } from '../../runtime/database/analytics/reader.ts';
import { SiteDatabases } from '../../runtime/database/connection.ts';
import type { PlatformDatabase } from '../../runtime/platform/database/connection.ts';
import { connectPostgres } from '../../scripts/dataset/connections.ts';
import { createHistory, insertHistory } from '../../scripts/dataset/history.ts';
import type { PostgresServer } from '../../scripts/services/postgres.ts';
import { createReadableSite } from '../../scripts/services/site-database.ts';
import { namesOf } from '../../sites/naming.ts';
import { historyOf, type KnownSite } from './known-site.ts';

/** Key that the tests' sites derive their secrets from. */
export const analyticsKey = 'a key of the analytics of all these tests';

export const ghostPath = path.resolve('.tools/ghost');

/** Registers a site as `pulumi up` does. @returns the id of its creator */
export async function registerSite(
  database: PlatformDatabase,
  site: { slug: string; creator: string; strategy?: string; cluster?: string; state?: string; title?: string },
): Promise<string> {
  const { slug, creator, strategy = 'database', state = 'active', title = slug, ...more } = site;
  const url = `https://${slug}.example.com`;
  const entry = { slug, creator, title, url, domains: [], plan: 'studio', state, strategy, stack: 'test', ...more };
  return database.asFleet(async (db) => {
    await db.raw('select registry.put_site(?::jsonb)', [JSON.stringify(entry)]);
    return (await db('creators').where({ email: creator }).first()).creator_id;
  });
}

/** Reads the sites whose databases are on one server. */
export function readerOf(server: { host: string; port: number }, limits: ReadingLimits = {}): DatabaseReader {
  return new DatabaseReader(new SiteDatabases({ servers: { default: server }, key: analyticsKey }), limits);
}

/** A connection to the database of a site on a server, past its role. */
export function connectSite(server: Administrator, database: string) {
  return connectPostgres(server, { database, searchPath: 'public, mysql_compat' });
}

/**
 * Fills a site's database with what is known of it, which is done or is not.
 *
 * @param through last day of the sites' histories
 */
export async function fillKnownSite(
  server: Administrator,
  slug: string,
  { sites, through }: { readonly sites: readonly KnownSite[]; readonly through: string },
): Promise<void> {
  const site = sites.find((candidate) => candidate.slug === slug);
  if (site === undefined) throw new Error(`expected one of the known sites; got ${slug}`);
  const knex = connectSite(server, namesOf(slug).database);
  try {
    if ((await knex('members').first('id')) !== undefined) return;
    const { id: newsletterId } = await knex('newsletters').first('id');
    // The post that Ghost brings is none of the known ones.
    await knex('posts').update({ status: 'draft', published_at: null });
    await insertHistory(knex, historyOf(site, through, newsletterId));
  } finally {
    await knex.destroy();
  }
}

/** A site's database with a history that ends on a day; its Ghost never ran. */
export async function createSiteWithHistory(
  server: PostgresServer,
  options: { slug: string; through: string; days: number; members: number; seed?: number },
): Promise<string> {
  const { slug, seed = 1, ...history } = options;
  const { database } = await createReadableSite(server, { slug, key: analyticsKey, ghostPath });
  const knex = connectSite(server, database);
  try {
    const newsletter = await knex('newsletters').first();
    await insertHistory(knex, createHistory({ ...history, seed, newsletterId: newsletter.id }));
  } finally {
    await knex.destroy();
  }
  return database;
}
