import type { Transaction } from '../database/connection.ts';
import { type RecordedUsage, recordUsage, type Usage } from './usage.ts';

interface MeteredDay {
  readonly site_slug: string;
  readonly day: string;
  readonly members_total: number;
  readonly emails_sent: number;
  readonly storage_bytes: number | null;
}

const source = 'analytics';

/**
 * Records what sites used on days that are over, from the numbers that analytics has of them. Repeating it records nothing
 * twice; in the scope of the fleet.
 *
 * @param days how many days back to look, for sites that were read late
 */
export async function recordMeteredDays(db: Transaction, now: Date, days: number): Promise<RecordedUsage> {
  const rows: MeteredDay[] = await db('daily_metrics')
    .whereRaw(
      "day between (?::timestamptz at time zone 'UTC')::date - ?::int and (?::timestamptz at time zone 'UTC')::date - 1",
      [now, days, now],
    )
    .select('site_slug', 'day', 'members_total', 'emails_sent', 'storage_bytes');
  const usage = rows.flatMap(({ site_slug: site, day, members_total, emails_sent, storage_bytes }): Usage[] => [
    { site, day, metric: 'members', quantity: members_total, source },
    { site, day, metric: 'emails', quantity: emails_sent, source },
    ...(storage_bytes === null ? [] : [{ site, day, metric: 'storage', quantity: storage_bytes, source } as const]),
  ]);
  return recordUsage(db, usage, now);
}
