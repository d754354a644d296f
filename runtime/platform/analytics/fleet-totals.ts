import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { staleSince, staleSql } from './staleness.ts';

/** Sites that are there, and sums of their last days. */
export interface SiteCounts {
  /** By state. */
  readonly sites: Readonly<Record<string, number>>;
  readonly stale: number;
  readonly failing: number;
  readonly membersTotal: number;
  readonly membersPaid: number;
}

/** The whole fleet in some numbers. */
export interface FleetTotals extends SiteCounts {
  readonly mrr: Readonly<Record<string, number>>;
}

/** Sums over all sites that are there, of their last days. */
export function getFleetTotals(db: PlatformDatabase, now: Date): Promise<FleetTotals> {
  return db.asFleet(async (transaction) => {
    const counts = await countSites(transaction, now);
    const revenue = await transaction.raw<{ rows: { currency: string; mrr: string }[] }>(
      `select key as currency, sum(value::bigint) as mrr from sites join site_refreshes as refreshes on site_slug = slug
         cross join lateral jsonb_each_text(mrr) where removed_at is null group by key order by key`,
    );
    return { ...counts, mrr: Object.fromEntries(revenue.rows.map(({ currency, mrr }) => [currency, Number(mrr)])) };
  });
}

/** The same without their revenue, in the caller's transaction. */
export async function countSites(db: Transaction, now: Date): Promise<SiteCounts> {
  const { rows } = await db.raw<{ rows: Record<string, number>[] }>(
    `select state, count(*) as sites, count(*) filter (where ${staleSql}) as stale,
        count(*) filter (where failures > 0) as failing, coalesce(sum(members_total), 0) as members,
        coalesce(sum(members_paid), 0) as paid
       from sites left join site_refreshes as refreshes on site_slug = slug where removed_at is null group by state`,
    [staleSince(now)],
  );
  const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
  return {
    sites: Object.fromEntries(rows.map(({ state, sites }) => [state, Number(sites)])),
    stale: sum('stale'),
    failing: sum('failing'),
    membersTotal: sum('members'),
    membersPaid: sum('paid'),
  };
}
