import type { Period } from './period.ts';

/** What is metered. Levels are one number a day; flows add up over the month. */
export type Metric = 'members' | 'storage' | 'staff' | 'emails' | 'revenue';

/**
 * So much of a metric on a day, or, with a negative quantity, so much less than an earlier record said. Members and staff
 * are counted, storage is bytes, revenue is the minor unit of `currency` as ISO 4217 has it.
 */
export interface UsageRecord {
  readonly record: number;
  readonly site: string;
  readonly metric: Metric;
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string;
  /** That of the revenue, null for other metrics. */
  readonly currency: string | null;
  readonly quantity: number;
}

/** One thing that a month's use of a site costs. */
export interface Charge {
  readonly site: string;
  readonly kind: 'base' | 'usage' | 'revenue-share';
  readonly metric: Metric | null;
  readonly currency: string;
  readonly plan: string;
  readonly priceVersion: number;
  /** The month it was used in. */
  readonly period: Period;
  readonly from: Date;
  readonly to: Date;
  /** Seconds for the base price, units for usage (units × days for a level), the revenue for its share. */
  readonly quantity: number;
  /** What a whole month of one unit costs; null for a share. */
  readonly unitAmount: number | null;
  readonly amount: number;
  readonly description: string;
}
