import { daysOf } from '../../database/analytics/reader.ts';
import type { Transaction } from '../database/connection.ts';
import { type Flow, flows, type Gauge, gauges } from './columns.ts';
import type { Change, DateRange } from './range.ts';
import { previousRange } from './range.ts';

/** A number for each day of a range. */
export type Series = readonly number[];

/** All sites of a creator together, day by day. */
export interface TotalSeries {
  readonly days: readonly string[];
  readonly metrics: Readonly<Record<Gauge | Flow | 'requests', Series>>;
  readonly mrr: Readonly<Record<string, Series>>;
}

/** The same for a range and the one before it, as one number each. */
export interface Totals {
  readonly metrics: Readonly<Record<Gauge | Flow | 'requests', Change>>;
  readonly mrr: Readonly<Record<string, Change>>;
}

const sums = { ...gauges, ...flows, requests: 'requests' } as const;
type Summed = keyof typeof sums;
const summed = Object.keys(sums) as Summed[];

/** Sites whose numbers count: those that are there. The few that are not are named, so that no row is joined for it. */
const present = 'site_slug <> all (:removed)';

type Row = { readonly day: string } & Readonly<Record<string, number | string | null>>;

/**
 * Sums the daily numbers of a creator's sites. A site that was not read for some days keeps its members and revenue on
 * them, so that a site that is down does not look like members who left; what happened there is not known and counts nothing.
 */
export async function readTotals(
  db: Transaction,
  creatorId: string,
  range: DateRange,
  { removed, behind, isSummed }: Standing,
): Promise<{ series: TotalSeries; totals: Totals }> {
  const before = previousRange(range);
  const bindings = { creatorId, from: before.from, through: range.through, removed, behind };
  const metricRows = await readMetricSums(db, bindings, isSummed);
  const revenueRows = await readRevenueSums(db, bindings, isSummed);
  const days = daysOf({ from: before.from, through: range.through });
  const metrics = fill(days, metricRows, summed, (metric) => sums[metric]);
  const currencies = [...new Set(revenueRows.map(({ currency }) => String(currency)))].sort();
  const mrr = Object.fromEntries(
    currencies.map((currency) => {
      const rows = revenueRows.filter((row) => row.currency === currency);
      return [currency, fill(days, rows, ['mrr'], () => 'mrr').mrr];
    }),
  );
  return { series: lastHalf(days, metrics, mrr), totals: compare(metrics, mrr) };
}

/** How a creator's numbers stand. */
export interface Standing {
  /** Sites, by slug, that are no longer there. */
  readonly removed: string[];
  /** Sites that were not read up to the end of the range. */
  readonly behind: string[];
  /** Whether the sums of the days are made and stand for the sites that are there. */
  readonly isSummed: boolean;
}

type Bindings = Record<'creatorId' | 'from' | 'through', string> & Record<'removed' | 'behind', string[]>;

/** Sums by day; with `after` the last numbers of sites that were not read up to the range's end. */
async function readMetricSums(db: Transaction, bindings: Bindings, isSummed: boolean): Promise<Row[]> {
  // Sums of bigints are of arbitrary precision and slow; the tables' bounds keep these exact as floats.
  const all = Object.values(sums).map((name) => `sum(${name === 'requests' ? 'requests::float8' : name}) as ${name}`);
  const known = await db.raw(
    isSummed
      ? `select * from creator_days where creator_id = :creatorId and day between :from and :through`
      : `select day, ${all.join(', ')} from daily_metrics
          where creator_id = :creatorId and day between :from and :through and ${present} group by day`,
    bindings,
  );
  if (bindings.behind.length === 0) return known.rows;
  const kept = Object.values(gauges).map((name) => `sum(metrics.${name}) as ${name}`);
  const lasting = await db.raw(
    `select greatest(refreshes.last_day, :from::date - 1) as after, ${kept.join(', ')}
       from site_refreshes as refreshes join daily_metrics as metrics
         on metrics.creator_id = :creatorId and metrics.site_slug = refreshes.site_slug and metrics.day = refreshes.last_day
      where refreshes.creator_id = :creatorId and refreshes.site_slug = any (:behind)
      group by after`,
    bindings,
  );
  return [...known.rows, ...lasting.rows];
}

async function readRevenueSums(db: Transaction, bindings: Bindings, isSummed: boolean): Promise<Row[]> {
  const known = await db.raw(
    isSummed
      ? `select * from creator_revenue_days where creator_id = :creatorId and day between :from and :through`
      : `select day, currency, sum(mrr::float8) as mrr from daily_revenue
          where creator_id = :creatorId and day between :from and :through and ${present} group by day, currency`,
    bindings,
  );
  if (bindings.behind.length === 0) return known.rows;
  const lasting = await db.raw(
    `select greatest(refreshes.last_day, :from::date - 1) as after, last.key as currency, sum(last.value::bigint) as mrr
       from site_refreshes as refreshes cross join lateral jsonb_each_text(refreshes.mrr) as last
      where refreshes.creator_id = :creatorId and refreshes.site_slug = any (:behind)
      group by after, last.key`,
    bindings,
  );
  return [...known.rows, ...lasting.rows];
}

/** Series of all days from rows of one day each, and from rows that hold for all days after one. */
function fill<Key extends string>(
  days: readonly string[],
  rows: readonly Row[],
  keys: readonly Key[],
  columnOf: (key: Key) => string,
): Record<Key, number[]> {
  const at = new Map(days.map((day, index) => [day, index]));
  const series = Object.fromEntries(keys.map((key) => [key, days.map(() => 0)])) as Record<Key, number[]>;
  for (const row of rows) {
    const { after } = row;
    const first = after === undefined ? (at.get(row.day) ?? 0) : (at.get(String(after)) ?? -1) + 1;
    const last = after === undefined ? first : days.length - 1;
    for (const key of keys) {
      const value = Number(row[columnOf(key)] ?? 0);
      const values = series[key];
      for (let index = first; index <= last; index += 1) values[index] = (values[index] ?? 0) + value;
    }
  }
  return series;
}

function lastHalf(
  days: readonly string[],
  metrics: Record<Summed, number[]>,
  mrr: Record<string, number[]>,
): TotalSeries {
  const half = days.length / 2;
  const cut = <Key extends string>(all: Record<Key, number[]>) =>
    Object.fromEntries(Object.entries<number[]>(all).map(([key, values]) => [key, values.slice(half)])) as Record<
      Key,
      number[]
    >;
  return { days: days.slice(half), metrics: cut(metrics), mrr: cut(mrr) };
}

/** What there is at the end of each range, and the sum of what happened in it. */
function compare(metrics: Record<Summed, number[]>, mrr: Record<string, number[]>): Totals {
  const changes = summed.map((metric): [Summed, Change] => [
    metric,
    metric in gauges ? changeOfEnds(metrics[metric]) : changeOfSums(metrics[metric]),
  ]);
  return {
    metrics: Object.fromEntries(changes) as Record<Summed, Change>,
    mrr: Object.fromEntries(Object.entries(mrr).map(([currency, values]) => [currency, changeOfEnds(values)])),
  };
}

/** @param values of two ranges of one length, one after the other */
export function changeOfEnds(values: readonly number[]): Change {
  return { current: values.at(-1) ?? 0, previous: values[values.length / 2 - 1] ?? 0 };
}

/** @param values of two ranges of one length, one after the other */
export function changeOfSums(values: readonly number[]): Change {
  const sum = (list: readonly number[]) => list.reduce((total, value) => total + value, 0);
  const half = values.length / 2;
  return { current: sum(values.slice(half)), previous: sum(values.slice(0, half)) };
}
