import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { getDashboardData } from '../../../runtime/platform/analytics/dashboard.ts';
import { getFleetSites } from '../../../runtime/platform/analytics/fleet.ts';
import { getFleetTotals } from '../../../runtime/platform/analytics/fleet-totals.ts';
import { lastDays } from '../../../runtime/platform/analytics/range.ts';
import { getSiteData } from '../../../runtime/platform/analytics/site.ts';
import { PlatformDatabase, type Transaction } from '../../../runtime/platform/database/connection.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { fillFleet } from '../../../scripts/dataset/fleet.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const now = new Date('2026-03-10T12:00:00Z');

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

/** The platform's database that keeps the plan of every query after it has run, in its own transaction and scope. */
class ExplainingDatabase extends PlatformDatabase {
  readonly nodes: string[] = [];

  override asCreator<T>(creatorId: string, work: (db: Transaction) => Promise<T>): Promise<T> {
    return super.asCreator(creatorId, (db) => this.#explain(db, work));
  }

  override asFleet<T>(work: (db: Transaction) => Promise<T>): Promise<T> {
    return super.asFleet((db) => this.#explain(db, work));
  }

  async #explain<T>(db: Transaction, work: (db: Transaction) => Promise<T>): Promise<T> {
    const queries: { sql: string; bindings: unknown[] }[] = [];
    const keep = (query: { sql: string; bindings: unknown[] }) => queries.push(query);
    db.on('query', keep);
    const result = await work(db);
    db.off('query', keep);
    const { client } = db as unknown as { client: { acquireConnection(): Promise<unknown> } };
    const connection = (await client.acquireConnection()) as {
      query(text: string, values: unknown[]): Promise<{ rows: { 'QUERY PLAN': { Plan: Plan }[] }[] }>;
    };
    for (const { sql, bindings } of queries) {
      const { rows } = await connection.query(`explain (format json) ${sql}`, bindings);
      for (const { Plan: plan } of rows[0]?.['QUERY PLAN'] ?? []) this.#collect(plan);
    }
    return result;
  }

  #collect(plan: Plan): void {
    if (plan['Relation Name'] !== undefined) this.nodes.push(`${plan['Node Type']} ${plan['Relation Name']}`);
    for (const child of plan.Plans ?? []) this.#collect(child);
  }
}

let database: ExplainingDatabase;
let creators: string[];

beforeAll(async () => {
  await withClient(platform.server, platformDatabase, (client) =>
    fillFleet(client, { sites: 1_000, creators: 100, days: 400, through: '2026-03-10' }),
  );
  database = new ExplainingDatabase(platform.settings);
  creators = await platform.database.asFleet((db) =>
    db('creators')
      .whereIn('email', ['creator-0@example.com', 'creator-7@example.com'])
      .orderBy('email')
      .pluck('creator_id'),
  );
  return () => database.close();
}, 600_000);

/** Scans of the daily numbers that the queries since the last call were planned with. */
function scans(): string[] {
  const found = database.nodes.splice(0).filter((node) => / (daily_|creator_days|creator_revenue)/.test(node));
  return [...new Set(found.map((node) => node.replace(/_\d\d$/, '')))].sort();
}

const indexed = /^(Index Scan|Index Only Scan|Bitmap Heap Scan) /;

describe('at 1,000 sites and 400 days', () => {
  it.each([7, 30, 90, 365])("no scan but by an index is planned for a creator's page of %i days", async (days) => {
    for (const creatorId of creators) {
      const { sites, siteCount } = await getDashboardData(database, creatorId, lastDays(days, now), { now });
      expect(sites.length).toBe(Math.min(50, siteCount));
      const planned = scans();
      expect(planned.map((scan) => scan.split(' ').at(-1))).toEqual(
        expect.arrayContaining(['creator_days', 'creator_revenue_days', 'daily_metrics']),
      );
      expect(planned.filter((scan) => !indexed.test(scan))).toEqual([]);
    }
  });

  it('nor while the sums of its days are to be made anew', async () => {
    await platform.database.asFleet((db) => db('creator_sums').update({ stale: true }));
    for (const creatorId of creators) {
      await getDashboardData(database, creatorId, lastDays(30, now), { now });
      expect(scans().filter((scan) => !indexed.test(scan))).toEqual([]);
    }
    await platform.database.asFleet((db) => db.raw("select sum_creator_days(creator_id, '-infinity') from creators"));
  });

  it.each([30, 365])("nor for a site's page of %i days", async (days) => {
    const data = await getSiteData(database, creators[1] ?? '', 'site-00007', lastDays(days, now), now);
    expect(data?.days).toHaveLength(days);
    expect(scans().filter((scan) => !indexed.test(scan))).toEqual([]);
  });

  it('nor for the fleet, whatever it is sorted and filtered by', async () => {
    for (const order of ['slug', 'age', 'failures', 'members', 'storage'] as const) {
      expect((await getFleetSites(database, { order }, now)).sites).toHaveLength(50);
      expect((await getFleetSites(database, { order, search: 'creator-7', stale: false }, now)).sites).not.toEqual([]);
    }
    await getFleetTotals(database, now);
    expect(scans().filter((scan) => !indexed.test(scan))).toEqual([]);
  });

  it('and one that reads them all is seen as such', async () => {
    await database.asFleet((db) => db.raw('select sum(comments) from daily_metrics'));
    expect(scans()).toEqual(['Seq Scan daily_metrics']);
  });
});
