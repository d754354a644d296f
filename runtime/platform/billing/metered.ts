import type { Transaction } from '../database/connection.ts';
import { stripeUnitsIn } from './drivers/stripe-amounts.ts';
import { daysIn } from './period.ts';
import { type RecordedUsage, recordUsage, type Usage } from './usage.ts';

interface MeteredDay {
  readonly site_slug: string;
  readonly day: string;
  readonly members_total: number;
  readonly emails_sent: number;
  readonly storage_bytes: number | null;
  /** Accounts of staff; null on days that were not the last before the site was read. */
  readonly staff: number | null;
}

interface RevenueDay {
  readonly site_slug: string;
  readonly day: string;
  /** As Stripe and Ghost write it: `eur`. */
  readonly currency: string;
  readonly mrr: number;
}

const source = 'analytics';

/**
 * Records what sites used on days that are over, from the numbers that analytics has of them: members, e-mails, storage and
 * staff, and as revenue each day's part of the monthly recurring revenue. A day counts once it was read after its end, so
 * that nothing of it is missing. Repeating it records nothing twice; in the scope of the fleet.
 *
 * @param days how many days back to look, for sites that were read late
 */
export async function recordMeteredDays(db: Transaction, now: Date, days: number): Promise<RecordedUsage> {
  const { rows: metrics } = await db.raw<{ rows: MeteredDay[] }>(
    `select site_slug, day, m.members_total, emails_sent, m.storage_bytes,
        case when day = last_day - 1 then staff end as staff
      ${finishedDays('daily_metrics')}`,
    { now, days },
  );
  const { rows: revenue } = await db.raw<{ rows: RevenueDay[] }>(
    `select site_slug, day, currency, m.mrr ${finishedDays('daily_revenue')}`,
    { now, days },
  );
  return recordUsage(db, [...metrics.flatMap(usageOf), ...revenue.flatMap(revenueOf)], now);
}

/**
 * The part of a month's revenue that a day has, in whole minor units; the days of a month whose revenue stays the same add
 * up to it.
 *
 * @param monthly what Ghost says, which counts as Stripe does
 */
export function dailyPart(monthly: number, currency: string, day: string): number {
  const divisor = BigInt(daysIn(day.slice(0, 7)) * stripeUnitsIn(currency));
  const number = BigInt(day.slice(8));
  const through = (days: bigint) => (BigInt(monthly) * days) / divisor;
  return Number(through(number) - through(number - 1n));
}

function finishedDays(table: 'daily_metrics' | 'daily_revenue'): string {
  return `from ${table} m join site_refreshes using (site_slug)
    where day < last_day and day >= (:now::timestamptz at time zone 'UTC')::date - :days::int
      and day < (:now::timestamptz at time zone 'UTC')::date
    order by site_slug, day`;
}

function usageOf({ site_slug: site, day, members_total, emails_sent, storage_bytes, staff }: MeteredDay): Usage[] {
  return [
    { site, day, metric: 'members', quantity: members_total, source },
    { site, day, metric: 'emails', quantity: emails_sent, source },
    ...(storage_bytes === null ? [] : [{ site, day, metric: 'storage', quantity: storage_bytes, source } as const]),
    ...(staff === null ? [] : [{ site, day, metric: 'staff', quantity: staff, source } as const]),
  ];
}

function revenueOf({ site_slug: site, day, currency: code, mrr }: RevenueDay): Usage[] {
  const currency = code.toUpperCase();
  const quantity = dailyPart(mrr, currency, day);
  return quantity === 0 ? [] : [{ site, day, metric: 'revenue', currency, quantity, source }];
}
