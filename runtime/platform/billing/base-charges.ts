import type { Charge } from './charge.ts';
import { Fraction } from './fraction.ts';
import { apportion, formatMoney } from './money.ts';
import { daysIn, fromSeconds, type Period, secondsIn } from './period.ts';
import type { PriceList } from './price.ts';
import type { Segment } from './timeline.ts';

/**
 * The base price of a month, by the second: a site that is served at one price all month pays exactly that price, and
 * what is served in parts pays parts that add up (`apportion`). Trials are listed at nothing.
 */
export function baseCharges(segments: readonly Segment[], prices: PriceList, period: Period): Charge[] {
  const groups = Map.groupBy(segments, ({ site, price }) => `${site} ${price.currency}`);
  return [...groups.values()].flatMap((group) => {
    const amounts = apportion(
      group.map(({ phase, price, from, to }) =>
        phase === 'trial'
          ? new Fraction(0)
          : new Fraction(BigInt(prices.get(price).monthly) * BigInt(to - from), secondsIn(period)),
      ),
    );
    return group.map((segment, index) => charge(segment, amounts[index] ?? 0, prices, period));
  });
}

function charge(segment: Segment, amount: number, prices: PriceList, period: Period): Charge {
  const { site, from, to, phase } = segment;
  const { plan, currency, version, title, monthly } = prices.get(segment.price);
  const whole = to - from === secondsIn(period);
  const time = whole ? '' : `, ${formatDuration(to - from)} of ${daysIn(period)} d`;
  return {
    site,
    kind: 'base',
    metric: null,
    currency,
    plan,
    priceVersion: version,
    period,
    from: fromSeconds(from),
    to: fromSeconds(to),
    quantity: to - from,
    unitAmount: phase === 'trial' ? 0 : monthly,
    amount,
    description:
      phase === 'trial'
        ? `${title}, trial${time}`
        : `${title}${time} at ${formatMoney({ amount: monthly, currency })} a month`,
  };
}

/** Days and the time beyond them: `12 d 03:04:05`. */
function formatDuration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const time = new Date((seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return time === '00:00:00' ? `${days} d` : `${days} d ${time}`;
}
