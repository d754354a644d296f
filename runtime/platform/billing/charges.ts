import { baseCharges } from './base-charges.ts';
import type { Charge, UsageRecord } from './charge.ts';
import type { Period } from './period.ts';
import type { PriceList } from './price.ts';
import type { SubscriptionEvent } from './subscription.ts';
import { segmentsOf } from './timeline.ts';
import { usageCharges } from './usage-charges.ts';
import { meteredUse } from './usage-days.ts';

/** Everything that a creator's month costs before credits and tax, by site: a pure function of the records. */
export function chargesOf(
  period: Period,
  events: readonly SubscriptionEvent[],
  usage: readonly UsageRecord[],
  prices: PriceList,
): Charge[] {
  const segments = segmentsOf(events, period);
  const charges = [
    ...baseCharges(segments, prices, period),
    ...usageCharges(meteredUse(usage, segments, period), segments, prices, period),
  ];
  // Sorting is stable: within a site the base price stays before what was used.
  return charges.sort((a, b) => (a.site < b.site ? -1 : a.site > b.site ? 1 : 0));
}
