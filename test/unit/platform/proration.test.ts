import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseCharges } from '../../../runtime/platform/billing/base-charges.ts';
import { chargesOf } from '../../../runtime/platform/billing/charges.ts';
import { fromSeconds, periodStart, secondsIn } from '../../../runtime/platform/billing/period.ts';
import { type Price, PriceList, pricesOf } from '../../../runtime/platform/billing/price.ts';
import type { SubscriptionEvent, SubscriptionState } from '../../../runtime/platform/billing/subscription.ts';
import { segmentsOf } from '../../../runtime/platform/billing/timeline.ts';
import { plans } from '../../../sites/plans.ts';

const period = fc.constantFrom('2026-01', '2026-02', '2028-02', '2026-04');

/** Prices of some monthly amounts, named p0, p1, … */
function pricesAt(amounts: readonly number[]): Price[] {
  const [studio] = pricesOf('studio', plans.studio);
  return amounts.flatMap((monthly, index) => (studio ? [{ ...studio, plan: `p${index}`, version: 1, monthly }] : []));
}

function event(site: string, at: number, plan: string, change: Partial<SubscriptionState> = {}): SubscriptionEvent {
  return {
    record: at,
    creatorId: 'creator',
    site,
    type: 'plan-changed',
    at: fromSeconds(at),
    plan,
    currency: 'EUR',
    priceVersion: 1,
    lifecycle: 'running',
    trialEndsAt: null,
    standing: 'good',
    standingSince: fromSeconds(at),
    ...change,
  };
}

describe('the base price of a month', () => {
  it('is charged to the cent however often the plan changes between plans of that price', () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(period, fc.integer({ min: 0, max: 10_000_019 }), cuts, (month, monthly, places) => {
        const prices = new PriceList(pricesAt([monthly, monthly]));
        const seconds = places.map((place) => periodStart(month) + Math.floor(place * secondsIn(month))).sort();
        const changes = seconds.map((at, index) => event('aurora', at, `p${(index + 1) % 2}`));
        const segments = segmentsOf([event('aurora', periodStart(month) - 5, 'p0'), ...changes], month);
        const charges = baseCharges(segments, prices, month);
        expect(charges.reduce((sum, { amount }) => sum + amount, 0)).toBe(monthly);
      }),
    );
  });

  it('is what each second costs, counted second by second', () => {
    const amounts = [901, 2_903, 14_929];
    const prices = new PriceList(pricesAt(amounts));
    const second = fc.integer({ min: 0, max: secondsIn('2026-02') - 1 });
    const step = fc.record({ second, plan: fc.integer({ min: 0, max: 2 }), paused: fc.boolean() });
    const trial = fc.integer({ min: 0, max: 20 * 86_400 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), trial, (steps, trialSeconds) => {
        const month = '2026-02';
        const length = secondsIn(month);
        const ordered = steps.toSorted((a, b) => a.second - b.second);
        const trialEnd = (ordered[0]?.second ?? 0) + trialSeconds;
        let total = 0;
        let current: (typeof ordered)[number] | undefined;
        const waiting = [...ordered];
        for (let now = 0; now < length; now += 1) {
          while (waiting[0] !== undefined && waiting[0].second <= now) current = waiting.shift();
          if (current !== undefined && !current.paused && now >= trialEnd) total += amounts[current.plan] ?? 0;
        }
        const events = ordered.map((one) =>
          event('aurora', periodStart(month) + one.second, `p${one.plan}`, {
            lifecycle: one.paused ? 'paused' : 'running',
            trialEndsAt: fromSeconds(periodStart(month) + trialEnd),
          }),
        );
        const charges = baseCharges(segmentsOf(events, month), prices, month);
        const expected = Math.floor((2 * total + length) / (2 * length));
        expect(charges.reduce((sum, { amount }) => sum + amount, 0)).toBe(expected);
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  it('has a line for each price and for the trial, with what it was charged for', () => {
    const prices = new PriceList(pricesAt([3_100, 6_200]));
    const start = periodStart('2026-01');
    const trialEndsAt = fromSeconds(start + 10 * 86_400);
    const events = [
      event('aurora', start, 'p0', { trialEndsAt }),
      event('aurora', start + 20 * 86_400, 'p1', { trialEndsAt }),
      event('aurora', start + 21 * 86_400 + 3_661, 'p1', { trialEndsAt, lifecycle: 'paused' }),
    ];
    const charges = baseCharges(segmentsOf(events, '2026-01'), prices, '2026-01');
    expect(charges.map(({ amount, description }) => [amount, description])).toEqual([
      [0, 'Studio, trial, 10 d of 31 d'],
      [1_000, 'Studio, 10 d of 31 d at EUR 31.00 a month'],
      [208, 'Studio, 1 d 01:01:01 of 31 d at EUR 62.00 a month'],
    ]);
  });
});

describe('usage above a plan', () => {
  const [studio] = pricesOf('studio', plans.studio);
  const prices = new PriceList(studio ? [{ ...studio, version: 1 }] : []);
  const start = periodStart('2026-04');
  const use = (day: string, metric: 'members' | 'emails' | 'revenue', quantity: number, record = 1) => ({
    record,
    site: 'aurora',
    metric,
    day,
    quantity,
    currency: metric === 'revenue' ? 'USD' : null,
  });
  const costs = (events: SubscriptionEvent[], usage: ReturnType<typeof use>[]) =>
    chargesOf('2026-04', events, usage, prices)
      .filter(({ kind }) => kind !== 'base')
      .map(({ amount, currency, description }) => [amount, currency, description]);

  it('costs a day’s part of the price for each started unit and day', () => {
    const usage = [
      use('2026-04-01', 'members', 10_000),
      use('2026-04-02', 'members', 10_001),
      use('2026-04-03', 'members', 12_000),
    ];
    expect(costs([event('aurora', start, 'studio')], usage)).toEqual([
      [30, 'EUR', 'Members above 10,000: 3 started thousand × days of 30 d at EUR 3.00 a month'],
    ]);
  });

  it('counts e-mails against what the charged time includes, rounded up', () => {
    // 7 days and one second of 30 days of 60,000 are 14,000.02….
    const paused = event('aurora', start + 7 * 86_400 + 1, 'studio', { lifecycle: 'paused' });
    const events = [event('aurora', start, 'studio'), paused];
    expect(costs(events, [use('2026-04-03', 'emails', 14_001)])).toEqual([]);
    expect(costs(events, [use('2026-04-03', 'emails', 14_002)])).toEqual([
      [80, 'EUR', 'E-mails above 14,001: 1 started thousand at EUR 0.80'],
    ]);
  });

  it('takes its share of the revenue in the currency it was paid in, and gives it back for refunds', () => {
    const events = [event('aurora', start, 'studio')];
    expect(costs(events, [use('2026-04-03', 'revenue', 10_010)])).toEqual([
      [250, 'USD', '2.5 % of USD 100.10 revenue (Studio)'],
    ]);
    expect(costs(events, [use('2026-04-03', 'revenue', -10_020)])).toEqual([
      [-251, 'USD', '2.5 % of −USD 100.20 revenue (Studio)'],
    ]);
  });

  it('is free on days that end in a trial, a pause or a suspension', () => {
    const trialEndsAt = fromSeconds(start + 2 * 86_400);
    const events = [
      event('aurora', start, 'studio', { trialEndsAt }),
      event('aurora', start + 4 * 86_400 - 1, 'studio', { trialEndsAt, standing: 'suspended' }),
      event('aurora', start + 5 * 86_400, 'studio', { trialEndsAt }),
    ];
    const usage = [1, 2, 3, 4, 5, 6].map((day) => use(`2026-04-0${day}`, 'members', 11_000, day));
    expect(costs(events, usage)).toEqual([
      [20, 'EUR', 'Members above 10,000: 2 started thousand × days of 30 d at EUR 3.00 a month'],
    ]);
  });
});
