import { type Period, periodEnd, periodStart, type Seconds, toSeconds } from './period.ts';
import type { SoldPrice, SubscriptionEvent } from './subscription.ts';

/** A time in which a site was served at one price. What is paused, suspended or cancelled is served at none. */
export interface Segment {
  readonly site: string;
  /** Its first second. */
  readonly from: Seconds;
  /** The first second after it. */
  readonly to: Seconds;
  readonly price: SoldPrice;
  /** Nothing is charged in a trial. */
  readonly phase: 'trial' | 'charged';
}

/**
 * The times of a month in which a creator's sites were served, by site and then by time. The last event of a site holds
 * until the month's end.
 *
 * @param events all of the creator's, in the order they were recorded
 */
export function segmentsOf(events: readonly SubscriptionEvent[], period: Period): Segment[] {
  const sites = Map.groupBy(events, ({ site }) => site);
  return [...sites]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, ofSite]) => joined(ofSite.flatMap((event, index) => served(event, ofSite[index + 1], period))));
}

function served(event: SubscriptionEvent, next: SubscriptionEvent | undefined, period: Period): Segment[] {
  if (event.lifecycle !== 'running' || event.standing === 'suspended') return [];
  const from = Math.max(toSeconds(event.at), periodStart(period));
  const to = Math.min(next === undefined ? Number.POSITIVE_INFINITY : toSeconds(next.at), periodEnd(period));
  const trialEnd = event.trialEndsAt === null ? from : Math.min(Math.max(toSeconds(event.trialEndsAt), from), to);
  const { site, plan, currency, priceVersion: version } = event;
  const common = { site, price: { plan, currency, version } };
  const parts: Segment[] = [
    { ...common, phase: 'trial', from, to: trialEnd },
    { ...common, phase: 'charged', from: trialEnd, to },
  ];
  return parts.filter((part) => part.from < part.to);
}

/** Puts together what follows each other at the same price, as after a reminder that changed nothing. */
function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (last !== undefined && last.to === segment.from && isSame(last, segment)) {
      result[result.length - 1] = { ...last, to: segment.to };
    } else {
      result.push(segment);
    }
  }
  return result;
}

function isSame(a: Segment, b: Segment): boolean {
  const { plan, currency, version } = a.price;
  return a.phase === b.phase && plan === b.price.plan && currency === b.price.currency && version === b.price.version;
}
