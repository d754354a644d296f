import { addDays, dayOf, daysOf } from '../../database/analytics/reader.ts';

/** Days of UTC as `YYYY-MM-DD`, both included. */
export interface DateRange {
  readonly from: string;
  readonly through: string;
}

/** Longest range that a page shows, in days. */
export const longestRange = 1_100;

/** The last so many days, today included. */
export function lastDays(count: number, now: Date): DateRange {
  const through = dayOf(now);
  return { from: addDays(through, 1 - count), through };
}

/** The days directly before a range, as many as it has. */
export function previousRange({ from, through }: DateRange): DateRange {
  return { from: addDays(from, -daysOf({ from, through }).length), through: addDays(from, -1) };
}

/** A figure now, and what it was at the same point of the range before. */
export interface Change {
  readonly current: number;
  readonly previous: number;
}
