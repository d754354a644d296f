import type { Charge, Metric } from './charge.ts';
import { Fraction, sumFractions } from './fraction.ts';
import { apportion, formatInteger, formatMoney, formatPercent, sumAmounts } from './money.ts';
import { daysIn, fromSeconds, type Period, periodEnd, periodStart, secondsIn } from './period.ts';
import type { Price, PriceList } from './price.ts';
import type { Segment } from './timeline.ts';
import type { MeteredUse, UsedDay } from './usage-days.ts';

/** A metric that is a level: what a unit of it is, what a plan includes, and what a unit above that costs a month. */
interface Level {
  readonly title: string;
  readonly unit: string;
  readonly unitSize: number;
  /** In the metric's own measure. */
  readonly included: (price: Price) => number;
  readonly shownIncluded: (price: Price) => string;
  readonly unitAmount: (price: Price) => number;
}

const gibibyte = 2 ** 30;

const levels: Readonly<Partial<Record<Metric, Level>>> = {
  members: {
    title: 'Members',
    unit: 'thousand',
    unitSize: 1_000,
    included: ({ included }) => included.members,
    shownIncluded: ({ included }) => formatInteger(included.members),
    unitAmount: ({ overage }) => overage.per1000Members,
  },
  storage: {
    title: 'Storage',
    unit: 'GiB',
    unitSize: gibibyte,
    included: ({ included }) => included.storageGiB * gibibyte,
    shownIncluded: ({ included }) => `${formatInteger(included.storageGiB)} GiB`,
    unitAmount: ({ overage }) => overage.perGiB,
  },
  staff: {
    title: 'Staff',
    unit: 'seat',
    unitSize: 1,
    included: ({ included }) => included.staff,
    shownIncluded: ({ included }) => formatInteger(included.staff),
    unitAmount: ({ overage }) => overage.perStaffSeat,
  },
};

/**
 * What a month's use above the plan costs. Members, storage and staff by the day: each started unit above what the day's
 * plan includes costs a day's part of the unit's monthly price. E-mails by the month: what the charged time's share of the
 * plans includes, rounded up, is free, and each started thousand above costs what the last plan of the month asks. The
 * platform's share of revenue by the day's plan, in the currency that the members paid; a day of refunds gives it back.
 */
export function usageCharges(
  use: readonly MeteredUse[],
  segments: readonly Segment[],
  prices: PriceList,
  period: Period,
): Charge[] {
  return use.flatMap((metered) => {
    if (metered.metric === 'emails') return emailCharges(metered, segments, prices, period);
    if (metered.metric === 'revenue') return revenueCharges(metered, prices, period);
    const level = levels[metered.metric];
    return level === undefined ? [] : levelCharges(level, metered, prices, period);
  });
}

function levelCharges(level: Level, use: MeteredUse, prices: PriceList, period: Period): Charge[] {
  const byCurrency = Map.groupBy(use.days, ({ segment }) => segment.price.currency);
  return [...byCurrency.values()].flatMap((days) => {
    const parts = byPrice(days, prices).map(({ price, days: ofPrice }) => {
      const unitDays = sumAmounts(ofPrice.map(({ quantity }) => unitsAbove(level, quantity, price)));
      const exact = new Fraction(BigInt(unitDays) * BigInt(level.unitAmount(price)), daysIn(period));
      return { price, unitDays, exact };
    });
    const amounts = apportion(parts.map(({ exact }) => exact));
    return parts.flatMap(({ price, unitDays }, index) => {
      if (unitDays === 0) return [];
      const unitAmount = level.unitAmount(price);
      const asked = formatMoney({ amount: unitAmount, currency: price.currency });
      return {
        ...common(use, price, period, 'usage'),
        currency: price.currency,
        quantity: unitDays,
        unitAmount,
        amount: amounts[index] ?? 0,
        description: `${level.title} above ${level.shownIncluded(price)}: ${formatInteger(unitDays)} started ${level.unit} × days of ${daysIn(period)} d at ${asked} a month`,
      };
    });
  });
}

function unitsAbove(level: Level, quantity: number, price: Price): number {
  return startedUnits(quantity - level.included(price), level.unitSize);
}

function emailCharges(use: MeteredUse, segments: readonly Segment[], prices: PriceList, period: Period): Charge[] {
  const byCurrency = Map.groupBy(use.days, ({ segment }) => segment.price.currency);
  return [...byCurrency].flatMap(([currency, days]) => {
    const charged = segments.filter(
      ({ site, phase, price }) => site === use.site && phase === 'charged' && price.currency === currency,
    );
    const last = charged.at(-1);
    if (last === undefined) return [];
    const price = prices.get(last.price);
    const sent = sumAmounts(days.map(({ quantity }) => quantity));
    const shares = charged.map(
      (it) => new Fraction(BigInt(prices.get(it.price).included.emails) * BigInt(it.to - it.from), secondsIn(period)),
    );
    const included = Number(ceiling(sumFractions(shares)));
    const quantity = startedUnits(sent - included, 1_000);
    if (quantity === 0) return [];
    const unitAmount = price.overage.per1000Emails;
    return {
      ...common(use, price, period, 'usage'),
      currency,
      quantity,
      unitAmount,
      amount: quantity * unitAmount,
      description: `E-mails above ${formatInteger(included)}: ${formatInteger(quantity)} started thousand at ${formatMoney({ amount: unitAmount, currency })}`,
    };
  });
}

function revenueCharges(use: MeteredUse, prices: PriceList, period: Period): Charge[] {
  const currency = use.currency ?? '';
  const parts = byPrice(use.days, prices).map(({ price, days }) => {
    const revenue = sumAmounts(days.map(({ quantity }) => quantity));
    const exact = new Fraction(BigInt(revenue) * BigInt(price.revenueShareBasisPoints), 10_000);
    return { price, revenue, exact };
  });
  const amounts = apportion(parts.map(({ exact }) => exact));
  return parts.flatMap(({ price, revenue }, index) => {
    if (revenue === 0 || price.revenueShareBasisPoints === 0) return [];
    return {
      ...common(use, price, period, 'revenue-share'),
      currency,
      quantity: revenue,
      unitAmount: null,
      amount: amounts[index] ?? 0,
      description: `${formatPercent(price.revenueShareBasisPoints)} of ${formatMoney({ amount: revenue, currency })} revenue (${price.title})`,
    };
  });
}

function byPrice(days: readonly UsedDay[], prices: PriceList) {
  const groups = Map.groupBy(days, ({ segment: { price } }) => `${price.plan} ${price.currency} ${price.version}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    return first === undefined ? [] : [{ price: prices.get(first.segment.price), days: group }];
  });
}

function common(use: MeteredUse, price: Price, period: Period, kind: Charge['kind']) {
  return {
    site: use.site,
    kind,
    metric: use.metric,
    plan: price.plan,
    priceVersion: price.version,
    period,
    from: fromSeconds(periodStart(period)),
    to: fromSeconds(periodEnd(period)),
  };
}

/** How many units have begun, in integers. */
function startedUnits(above: number, size: number): number {
  if (above <= 0) return 0;
  const rest = above % size;
  return (above - rest) / size + (rest > 0 ? 1 : 0);
}

function ceiling(value: Fraction): bigint {
  return -new Fraction(-value.numerator, value.denominator).floor();
}
