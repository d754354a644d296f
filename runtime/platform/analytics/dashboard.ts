import { daysOf } from '../../database/analytics/reader.ts';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { type Change, type DateRange, previousRange } from './range.ts';
import { readTotals, type Standing, type TotalSeries, type Totals } from './series.ts';
import { type Freshness, type FreshnessRow, freshnessOf, staleSince, staleSql } from './staleness.ts';

/** A site on a creator's page. */
export interface SiteGlance {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly state: string;
  readonly plan: string;
  readonly members: Change;
  readonly paidMembers: Change;
  readonly posts: Change;
  readonly emailsSent: Change;
  /** Monthly recurring revenue by currency, in minor units. */
  readonly mrr: Readonly<Record<string, number>>;
  readonly storageBytes: number | null;
  /** Members by day of the range; null where nothing is known of the day. */
  readonly sparkline: readonly (number | null)[];
  readonly freshness: Freshness;
}

/** A creator's page: all sites together and, page by page, each of them. */
export interface DashboardData {
  readonly range: DateRange;
  readonly totals: Totals;
  readonly series: TotalSeries;
  readonly siteCount: number;
  readonly staleCount: number;
  readonly sites: readonly SiteGlance[];
  /** Slug after which the next page begins; null on the last one. */
  readonly next: string | null;
}

export interface DashboardOptions {
  readonly now: Date;
  /** Slug of the last site of the page before. @default the first page */
  readonly after?: string;
  /** Sites on a page. @default 50 */
  readonly limit?: number;
}

/** A creator's sites from the platform's own database alone, in one transaction that sees no other creator's. */
export function getDashboardData(
  db: PlatformDatabase,
  creatorId: string,
  range: DateRange,
  options: DashboardOptions,
): Promise<DashboardData> {
  return db.asCreator(creatorId, async (transaction) => {
    const { siteCount, staleCount, ...standing } = await countSites(transaction, creatorId, range, options.now);
    const { totals, series } = await readTotals(transaction, creatorId, range, standing);
    const page = await readPage(transaction, creatorId, range, options);
    return { range, totals, series, siteCount, staleCount, ...page };
  });
}

interface SiteCounts extends Standing {
  readonly siteCount: number;
  readonly staleCount: number;
}

async function countSites(db: Transaction, creatorId: string, range: DateRange, now: Date): Promise<SiteCounts> {
  const { rows } = await db.raw<{ rows: SiteCounts[] }>(
    `select count(*) filter (where removed_at is null) as "siteCount",
        count(*) filter (where removed_at is null and ${staleSql}) as "staleCount",
        coalesce(array_agg(slug) filter (where removed_at is not null), '{}') as removed,
        coalesce(array_agg(slug) filter (where removed_at is null and last_day < ?::date), '{}') as behind,
        coalesce((select not stale from creator_sums where creator_id = ?), false) as "isSummed"
       from sites left join site_refreshes as refreshes on refreshes.site_slug = sites.slug
      where sites.creator_id = ?`,
    [staleSince(now), range.through, creatorId, creatorId],
  );
  return rows[0] ?? { siteCount: 0, staleCount: 0, removed: [], behind: [], isSummed: false };
}

interface PageRow extends FreshnessRow {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly plan: string;
  readonly mrr: Readonly<Record<string, number>> | null;
  readonly storage_bytes: number | null;
  readonly first_known: string | null;
  readonly members: readonly number[] | null;
  readonly paid: readonly number[] | null;
  readonly posts: number | null;
  readonly posts_before: number | null;
  readonly emails: number | null;
  readonly emails_before: number | null;
}

async function readPage(
  db: Transaction,
  creatorId: string,
  range: DateRange,
  { now, after = '', limit = 50 }: DashboardOptions,
): Promise<Pick<DashboardData, 'sites' | 'next'>> {
  const before = previousRange(range);
  const { rows } = await db.raw<{ rows: PageRow[] }>(
    `select sites.slug, sites.title, sites.url, sites.state, sites.plan, refreshes.last_success_at, refreshes.failures,
        refreshes.error, refreshes.mrr, refreshes.storage_bytes, metrics.*
       from (select * from sites where creator_id = :creatorId and removed_at is null and slug > :after
              order by slug limit :limit) as sites
       left join site_refreshes as refreshes on refreshes.site_slug = sites.slug
       left join lateral (
         select min(day) as first_known, json_agg(members_total order by day) as members,
           json_agg(members_paid order by day) as paid,
           sum(posts_published) filter (where day >= :from) as posts,
           sum(posts_published) filter (where day < :from) as posts_before,
           sum(emails_sent) filter (where day >= :from) as emails,
           sum(emails_sent) filter (where day < :from) as emails_before
         from daily_metrics
         where creator_id = :creatorId and site_slug = sites.slug and day between :start and :through
       ) as metrics on true
      order by sites.slug`,
    { creatorId, after, limit: limit + 1, start: before.from, from: range.from, through: range.through },
  );
  const days = daysOf({ from: before.from, through: range.through });
  const sites = rows.slice(0, limit).map((row) => toGlance(row, days, now));
  return { sites, next: rows.length > limit ? (sites.at(-1)?.slug ?? null) : null };
}

function toGlance(row: PageRow, days: readonly string[], now: Date): SiteGlance {
  const half = days.length / 2;
  const start = row.first_known === null ? days.length : days.indexOf(row.first_known);
  const known = row.members ?? [];
  const change = (values: readonly number[] | null): Change => ({
    // The last that is known, where the site was not read up to the end of the range.
    current: values?.at(-1) ?? 0,
    previous: values?.[half - 1 - start] ?? 0,
  });
  return {
    slug: row.slug,
    title: row.title,
    url: row.url,
    state: row.state,
    plan: row.plan,
    members: change(known),
    paidMembers: change(row.paid),
    posts: { current: row.posts ?? 0, previous: row.posts_before ?? 0 },
    emailsSent: { current: row.emails ?? 0, previous: row.emails_before ?? 0 },
    mrr: row.mrr ?? {},
    storageBytes: row.storage_bytes,
    sparkline: days.slice(half).map((_, at) => known[half + at - start] ?? null),
    freshness: freshnessOf(row, now),
  };
}
