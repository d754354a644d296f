import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { getDashboardData } from '../../../runtime/platform/analytics/dashboard.ts';
import {
  type FleetQuery,
  type FleetSite,
  fleetOrders,
  getFleetSites,
} from '../../../runtime/platform/analytics/fleet.ts';
import { getFleetTotals } from '../../../runtime/platform/analytics/fleet-totals.ts';
import { lastDays, previousRange } from '../../../runtime/platform/analytics/range.ts';
import { getSiteData } from '../../../runtime/platform/analytics/site.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { fillFleet } from '../../../scripts/dataset/fleet.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase({ pooler: true });
const now = new Date('2026-03-10T12:30:00Z');
const week = lastDays(7, now);

/** Of `fillFleet`: 60 sites, 10 days; creator 3 has those whose number ends in 3 and is not among the first's. */
let creatorId: string;
let stranger: string;

beforeAll(async () => {
  await withClient(platform.server, platformDatabase, (client) =>
    fillFleet(client, { sites: 60, creators: 10, days: 20, through: '2026-03-10' }),
  );
  [creatorId = '', stranger = ''] = await platform.database.asFleet((db) =>
    db('creators')
      .whereIn('email', ['creator-3@example.com', 'creator-4@example.com'])
      .orderBy('email')
      .pluck('creator_id'),
  );
});

type Row = Record<string, number | string | null>;

/** Every row of a creator's sites, to be added up by hand. */
function rowsOf(table: string): Promise<Row[]> {
  return platform.database.asFleet((db) => db(table).where({ creator_id: creatorId }).orderBy(['site_slug', 'day']));
}

function sum(rows: readonly Row[], column: string): number {
  return rows.reduce((total, row) => total + Number(row[column]), 0);
}

describe("a creator's page", () => {
  it('adds up what the sites have, for the range and for the one before', async () => {
    const { totals, series, siteCount, sites } = await getDashboardData(platform.database, creatorId, week, { now });
    const rows = await rowsOf('daily_metrics');
    const on = (day: string) => rows.filter((row) => row.day === day);
    const within = ({ from, through }: typeof week) =>
      rows.filter(({ day }) => String(day) >= from && String(day) <= through);
    const before = previousRange(week);
    expect(before).toEqual({ from: '2026-02-25', through: '2026-03-03' });
    expect(siteCount).toBe(6);
    expect(sites).toHaveLength(6);
    expect(totals.metrics.membersTotal).toEqual({
      current: sum(on('2026-03-10'), 'members_total'),
      previous: sum(on('2026-03-03'), 'members_total'),
    });
    expect(totals.metrics.emailsSent).toEqual({
      current: sum(within(week), 'emails_sent'),
      previous: sum(within(before), 'emails_sent'),
    });
    expect(totals.metrics.requests.current).toBe(sum(within(week), 'requests'));
    expect(totals.metrics.emailsSent.current).toBeGreaterThan(0);
    expect(series.days).toHaveLength(7);
    expect(series.metrics.membersPaid).toEqual(series.days.map((day) => sum(on(day), 'members_paid')));
    const revenue = (await rowsOf('daily_revenue')).filter((row) => row.currency === 'usd');
    expect(series.mrr.usd).toEqual(
      series.days.map((day) =>
        sum(
          revenue.filter((row) => row.day === day),
          'mrr',
        ),
      ),
    );
  });

  it('shows each site with its sparkline and what changed', async () => {
    const { sites } = await getDashboardData(platform.database, creatorId, week, { now });
    const [first] = sites;
    const rows = (await rowsOf('daily_metrics')).filter((row) => row.site_slug === first?.slug);
    expect(first?.sparkline).toEqual(rows.slice(-7).map((row) => row.members_total));
    expect(first).toMatchObject({
      slug: 'site-00003',
      members: { current: rows.at(-1)?.members_total, previous: rows.at(-8)?.members_total },
      posts: { current: sum(rows.slice(-7), 'posts_published'), previous: sum(rows.slice(-14, -7), 'posts_published') },
      freshness: { ageSeconds: 1_800, stale: false, failures: 0, error: null },
    });
  });

  it('comes page by page, each site once', async () => {
    const seen: string[] = [];
    let after: string | null = '';
    while (after !== null) {
      const page = await getDashboardData(platform.database, creatorId, week, { now, after, limit: 4 });
      expect(page.siteCount).toBe(6);
      seen.push(...page.sites.map(({ slug }) => slug));
      after = page.next;
    }
    expect(seen).toEqual([3, 13, 23, 33, 43, 53].map((n) => `site-${String(n).padStart(5, '0')}`));
  });

  it("shows nothing of another creator's", async () => {
    const data = await getDashboardData(platform.database, stranger, week, { now });
    expect(data.sites.map(({ slug }) => slug)).not.toContain('site-00003');
    expect(await getSiteData(platform.database, stranger, 'site-00003', week, now)).toBeUndefined();
  });

  it('keeps the members and revenue of a site that was not read for days, says so, and knows nothing of its days', async () => {
    const before = await getDashboardData(platform.database, creatorId, week, { now });
    const later = new Date('2026-03-12T12:30:00Z');
    const range = lastDays(7, later);
    const data = await getDashboardData(platform.database, creatorId, range, { now: later });
    expect(data.series.metrics.membersTotal.slice(-3)).toEqual(
      Array(3).fill(before.totals.metrics.membersTotal.current),
    );
    expect(data.series.mrr.usd?.slice(-3)).toEqual(Array(3).fill(before.totals.mrr.usd?.current));
    expect(data.series.metrics.membersNew.slice(-2)).toEqual([0, 0]);
    expect(data.staleCount).toBe(data.siteCount);
    expect(data.sites[0]).toMatchObject({
      members: { current: before.sites[0]?.members.current },
      sparkline: [...(before.sites[0]?.sparkline.slice(2) ?? []), null, null],
      freshness: { stale: true, ageSeconds: 2 * 86_400 + 1_800 },
    });
    // Long after, too, when no day of the range is known.
    const longAfter = new Date('2026-06-12T12:30:00Z');
    const silent = await getDashboardData(platform.database, creatorId, lastDays(7, longAfter), { now: longAfter });
    expect(silent.totals.metrics.membersTotal).toEqual({
      current: before.totals.metrics.membersTotal.current,
      previous: before.totals.metrics.membersTotal.current,
    });
  });

  it.each([3, 7, 10])('is the same for %i days while its sums are to be made anew', async (days) => {
    const range = lastDays(days, now);
    const summed = await getDashboardData(platform.database, creatorId, range, { now });
    const setStale = (stale: boolean) =>
      platform.database.asFleet((db) => db('creator_sums').where({ creator_id: creatorId }).update({ stale }));
    expect(await setStale(true)).toBe(1);
    expect(await getDashboardData(platform.database, creatorId, range, { now })).toEqual(summed);
    await setStale(false);
    // The sums are what is read, where they are not stale.
    await platform.database.asFleet((db) =>
      db('creator_days').where({ creator_id: creatorId, day: '2026-03-10' }).update({ comments: 77 }),
    );
    const { series } = await getDashboardData(platform.database, creatorId, range, { now });
    expect(series.metrics.comments.at(-1)).toBe(77);
    await platform.database.asFleet((db) => db.raw('select sum_creator_days(?, ?)', [creatorId, '2026-03-10']));
    expect(await getDashboardData(platform.database, creatorId, range, { now })).toEqual(summed);
  });

  it('leaves out what is no longer there', async () => {
    const before = await getDashboardData(platform.database, creatorId, week, { now });
    await platform.database.asFleet((db) => db.raw("select registry.remove_site('site-00053')"));
    const after = await getDashboardData(platform.database, creatorId, week, { now });
    const removed = before.sites.find(({ slug }) => slug === 'site-00053');
    expect(after.siteCount).toBe(5);
    expect(after.totals.metrics.membersTotal.current).toBe(
      before.totals.metrics.membersTotal.current - (removed?.members.current ?? 0),
    );
    expect(after.totals.mrr.usd?.current).toBe((before.totals.mrr.usd?.current ?? 0) - (removed?.mrr.usd ?? 0));
    await platform.database.asFleet((db) => db.raw('select sum_creator_days(?, ?)', [creatorId, '2026-03-10']));
    expect(await getDashboardData(platform.database, creatorId, week, { now })).toEqual(after);
  });
});

describe("a site's page", () => {
  it('has every metric by day, null where nothing is known', async () => {
    const month = lastDays(30, now);
    const data = await getSiteData(platform.database, creatorId, 'site-00003', month, now);
    const rows = (await rowsOf('daily_metrics')).filter((row) => row.site_slug === 'site-00003');
    expect(data?.days).toHaveLength(30);
    expect(data?.metrics.membersTotal).toEqual([...Array(10).fill(null), ...rows.map((row) => row.members_total)]);
    expect(data?.metrics.storageBytes.at(-1)).toBe(100_000_003);
    expect(data?.totals.membersTotal).toEqual({ current: rows.at(-1)?.members_total, previous: 0 });
    expect(data?.totals.postsPublished).toEqual({ current: sum(rows, 'posts_published'), previous: 0 });
    expect(data?.mrr.usd?.change).toEqual({ current: 52_000, previous: 0 });
  });
});

describe('the fleet', () => {
  const fleet = (query: FleetQuery) => getFleetSites(platform.database, query, now);

  async function everyPage(query: FleetQuery): Promise<FleetSite[]> {
    const seen: FleetSite[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = await fleet({ ...query, limit: 7, ...(after === undefined ? {} : { after }) });
      seen.push(...page.sites);
      after = page.next;
    }
    return seen;
  }

  it.each(fleetOrders)('comes page by page in the order of %s, each site once', async (order) => {
    const pages = await everyPage({ order });
    expect(new Set(pages.map(({ slug }) => slug)).size).toBe(59);
    expect(pages).toHaveLength(59);
    const { sites } = await fleet({ order, limit: 100 });
    expect(pages).toEqual(sites);
    if (order === 'members')
      expect(sites[0]?.membersTotal).toBe(Math.max(...sites.map(({ membersTotal }) => membersTotal)));
    if (order === 'requests') expect(sites[0]?.requests).toBe(Math.max(...sites.map(({ requests }) => requests ?? 0)));
    if (order === 'backup') expect(sites.at(-1)?.backups).toMatchObject({ known: true, newestAt: expect.any(Date) });
    if (order === 'failures') expect(sites[0]?.freshness.failures).toBe(3);
  });

  it('is searched by slug, title, domain and address, and wildcards are letters', async () => {
    const slugs = async (search: string) => (await fleet({ search })).sites.map(({ slug }) => slug);
    expect(await slugs('SITE-00007')).toEqual(['site-00007']);
    expect(await slugs('site-17.example')).toEqual(['site-00017']);
    expect(await slugs('creator-7@')).toEqual([
      'site-00007',
      'site-00017',
      'site-00027',
      'site-00037',
      'site-00047',
      'site-00057',
    ]);
    await platform.database.asFleet((db) => db('sites').where({ slug: 'site-00008' }).update({ title: 'Élan Vital' }));
    for (const search of ['élan', 'ÉLAN v', 'Élan', 'VITAL'])
      expect([search, await slugs(search)]).toEqual([search, ['site-00008']]);
    expect(await slugs('%')).toEqual([]);
    expect(await slugs('site_00007')).toEqual([]);
    expect(await slugs("'; drop table sites; --")).toEqual([]);
  });

  it('is filtered by state, plan, staleness and failure', async () => {
    expect((await fleet({ state: 'paused' })).sites.map(({ slug }) => slug)).toEqual(['site-00049']);
    expect((await fleet({ plan: 'scale', limit: 100 })).sites.every(({ plan }) => plan === 'scale')).toBe(true);
    expect((await fleet({ failing: true })).sites.map(({ slug }) => slug)).toEqual(['site-00013']);
    expect((await fleet({ stale: true })).sites).toEqual([]);
    const late = new Date('2026-03-10T18:00:00Z');
    const stale = await getFleetSites(platform.database, { stale: true, limit: 100 }, late);
    // All but the one that is paused.
    expect(stale.sites).toHaveLength(58);
  });

  it('begins anew where a page is none', async () => {
    const first = await fleet({ limit: 3 });
    for (const after of ['nonsense', Buffer.from('[1,2]').toString('base64url')])
      expect(await fleet({ limit: 3, after })).toEqual(first);
  });

  it('is summed up over all sites that are there', async () => {
    const totals = await getFleetTotals(platform.database, now);
    const { sites } = await fleet({ limit: 100 });
    expect(totals).toMatchObject({
      sites: { active: 58, paused: 1 },
      stale: 0,
      failing: 1,
      membersTotal: sites.reduce((total, { membersTotal }) => total + membersTotal, 0),
      mrr: { usd: 59 * 52_000 },
    });
  });
});
