import type { Metric, UsageRecord } from './charge.ts';
import { sumAmounts } from './money.ts';
import { lastSecondOf, type Period } from './period.ts';
import type { Segment } from './timeline.ts';

/** What a site used of a metric on one day, and the charged segment that the day falls to. */
export interface UsedDay {
  readonly day: string;
  readonly quantity: number;
  readonly segment: Segment;
}

/** The charged days of one metric of one site. */
export interface MeteredUse {
  readonly site: string;
  readonly metric: Metric;
  /** That of the revenue; null for other metrics. */
  readonly currency: string | null;
  readonly days: readonly UsedDay[];
}

/**
 * Adds up the records of each day and gives the day to the plan that was in force in its last second. Days that end in a
 * trial, a pause, a suspension or after the end cost nothing.
 */
export function meteredUse(usage: readonly UsageRecord[], segments: readonly Segment[], period: Period): MeteredUse[] {
  const charged = Map.groupBy(
    segments.filter(({ phase }) => phase === 'charged'),
    ({ site }) => site,
  );
  const records = usage.filter(({ day }) => day.startsWith(period));
  const groups = Map.groupBy(records, ({ site, metric, currency }) => `${site} ${metric} ${currency ?? ''}`);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, group]) => {
      const first = group[0];
      if (first === undefined) return [];
      const { site, metric, currency } = first;
      return [{ site, metric, currency, days: usedDays(group, charged.get(site) ?? []) }];
    });
}

function usedDays(records: readonly UsageRecord[], segments: readonly Segment[]): UsedDay[] {
  const quantities = new Map<string, number>();
  for (const { day, quantity } of records) quantities.set(day, sumAmounts([quantities.get(day) ?? 0, quantity]));
  return [...quantities]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([day, quantity]) => {
      const last = lastSecondOf(day);
      const segment = segments.find(({ from, to }) => from <= last && last < to);
      return segment === undefined ? [] : [{ day, quantity, segment }];
    });
}
