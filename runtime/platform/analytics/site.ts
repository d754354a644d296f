import { daysOf } from '../../database/analytics/reader.ts';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { columns, type Flow, type Gauge, gauges, type Metric } from './columns.ts';
import { type Change, type DateRange, previousRange } from './range.ts';
import { changeOfSums } from './series.ts';
import {
  type BackupRow,
  type BackupState,
  backupStateOf,
  type Freshness,
  type FreshnessRow,
  freshnessOf,
} from './staleness.ts';

/** A site by day; null where nothing is known of the day. */
export type KnownSeries = readonly (number | null)[];

type SiteMetric = Gauge | Flow | 'requests' | 'storageBytes';

/** The page of one site. */
export interface SiteData {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly domains: readonly string[];
  readonly state: string;
  readonly plan: string;
  readonly strategy: string;
  readonly staff: number;
  readonly range: DateRange;
  readonly days: readonly string[];
  readonly metrics: Readonly<Record<SiteMetric, KnownSeries>>;
  /** What there is at the end of the range and of the one before, or the sums over each. */
  readonly totals: Readonly<Record<SiteMetric, Change>>;
  /** Monthly recurring revenue by currency, in minor units. */
  readonly mrr: Readonly<Record<string, { readonly series: KnownSeries; readonly change: Change }>>;
  /** Version of Ghost at the last visit. */
  readonly ghostVersion: string | null;
  readonly backups: BackupState;
  readonly freshness: Freshness;
}

const allColumns: Readonly<Record<SiteMetric, string>> = {
  ...(columns as Record<Metric, string>),
  requests: 'requests',
  storageBytes: 'storage_bytes',
};
const asAtEnd = new Set<string>([...Object.keys(gauges), 'storageBytes']);

/**
 * One site of a creator from the platform's own database alone.
 *
 * @returns undefined where the creator has no such site
 */
export function getSiteData(
  db: PlatformDatabase,
  creatorId: string,
  slug: string,
  range: DateRange,
  now: Date,
): Promise<SiteData | undefined> {
  return db.asCreator(creatorId, async (transaction) => {
    const site = await findSite(transaction, creatorId, slug);
    if (site === undefined) return undefined;
    const before = previousRange(range);
    const days = daysOf({ from: before.from, through: range.through });
    const half = days.length / 2;
    const metrics = await readMetrics(transaction, creatorId, slug, days);
    const mrr = await readRevenue(transaction, creatorId, slug, days);
    const entries = Object.entries(metrics) as [SiteMetric, KnownSeries][];
    const halve = (series: KnownSeries) => series.slice(half);
    return {
      slug,
      title: site.title,
      url: site.url,
      domains: site.domains,
      state: site.state,
      plan: site.plan,
      strategy: site.strategy,
      staff: site.staff ?? 0,
      range,
      days: days.slice(half),
      metrics: mapValues(entries, halve),
      totals: mapValues(entries, (series, metric) => (asAtEnd.has(metric) ? lastKnown(series) : sumKnown(series))),
      mrr: Object.fromEntries(
        Object.entries(mrr).map(([currency, series]) => [
          currency,
          { series: halve(series), change: lastKnown(series) },
        ]),
      ),
      ghostVersion: site.ghost_version,
      backups: backupStateOf(site, now),
      freshness: freshnessOf(site, now),
    };
  });
}

interface SiteRow extends FreshnessRow, BackupRow {
  readonly ghost_version: string | null;
  readonly title: string;
  readonly url: string;
  readonly domains: readonly string[];
  readonly plan: string;
  readonly strategy: string;
  readonly staff: number | null;
}

function findSite(db: Transaction, creatorId: string, slug: string): Promise<SiteRow | undefined> {
  return db('sites')
    .leftJoin('site_refreshes', 'site_slug', 'slug')
    .where({ slug, 'sites.creator_id': creatorId })
    .first(
      ...['title', 'url', 'domains', 'state', 'plan', 'strategy', 'staff', 'last_success_at', 'failures', 'error'],
      ...['ghost_version', 'backups_known', 'newest_backup_at'],
    );
}

async function readMetrics(
  db: Transaction,
  creatorId: string,
  slug: string,
  days: readonly string[],
): Promise<Record<SiteMetric, KnownSeries>> {
  const rows: Record<string, number | string | null>[] = await db('daily_metrics')
    .where({ creator_id: creatorId, site_slug: slug })
    .whereBetween('day', [days[0] ?? '', days.at(-1) ?? ''])
    .select('day', ...Object.values(allColumns));
  const byDay = new Map(rows.map((row) => [row.day, row]));
  return Object.fromEntries(
    Object.entries(allColumns).map(([metric, column]) => [
      metric,
      days.map((day) => (byDay.get(day)?.[column] as number | null | undefined) ?? null),
    ]),
  ) as unknown as Record<SiteMetric, KnownSeries>;
}

async function readRevenue(
  db: Transaction,
  creatorId: string,
  slug: string,
  days: readonly string[],
): Promise<Record<string, KnownSeries>> {
  const rows: { day: string; currency: string; mrr: number }[] = await db('daily_revenue')
    .where({ creator_id: creatorId, site_slug: slug })
    .whereBetween('day', [days[0] ?? '', days.at(-1) ?? ''])
    .select('day', 'currency', 'mrr')
    .orderBy('currency');
  const byCurrency = Map.groupBy(rows, ({ currency }) => currency);
  return Object.fromEntries(
    [...byCurrency].map(([currency, found]) => {
      const byDay = new Map(found.map(({ day, mrr }) => [day, mrr]));
      return [currency, days.map((day) => byDay.get(day) ?? null)];
    }),
  );
}

function lastKnown(series: KnownSeries): Change {
  const last = (values: KnownSeries) => values.findLast((value) => value !== null) ?? 0;
  const half = series.length / 2;
  return { current: last(series), previous: last(series.slice(0, half)) };
}

function sumKnown(series: KnownSeries): Change {
  return changeOfSums(series.map((value) => value ?? 0));
}

function mapValues<Key extends string, From, To>(
  entries: readonly (readonly [Key, From])[],
  map: (value: From, key: Key) => To,
): Record<Key, To> {
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)])) as Record<Key, To>;
}
