import fc from 'fast-check';
import type { Metric } from '../../../runtime/platform/billing/charge.ts';
import type { Standing } from '../../../runtime/platform/billing/subscription.ts';
import { type Plan, plans } from '../../../sites/plans.ts';

/** Something that somebody does, or that is measured, at a minute since the history began. Not all of it is allowed. */
export type Step = { readonly minute: number } & (
  | { readonly kind: 'start'; readonly site: number; readonly plan: number; readonly currency: 'EUR' | 'USD' }
  | { readonly kind: 'plan'; readonly site: number; readonly plan: number }
  | { readonly kind: 'pause' | 'resume' | 'cancel'; readonly site: number }
  | { readonly kind: 'standing'; readonly site: number; readonly standing: Standing }
  | {
      readonly kind: 'usage';
      readonly site: number;
      readonly metric: Metric;
      /** Days since the history began. */
      readonly day: number;
      readonly currency: string | undefined;
      readonly quantity: number;
      readonly source: string;
    }
  | { readonly kind: 'credit'; readonly currency: string; readonly amount: number; readonly key: string }
  | { readonly kind: 'tax'; readonly basisPoints: number; readonly reverseCharge: boolean }
  /** From here on the price list is the history's other one. */
  | { readonly kind: 'reprice' }
  | { readonly kind: 'close'; readonly month: number }
);

/** A creator's billing life: some months of steps in their order, over a price list of its own. */
export interface History {
  /** First day of its first month. */
  readonly begin: string;
  readonly months: number;
  readonly sites: number;
  /** The price list before and after `reprice`. */
  readonly plans: readonly [readonly Plan[], readonly Plan[]];
  readonly steps: readonly Step[];
}

const gibibyte = 2 ** 30;
const minutesOfDay = 1_440;

/** Plans whose prices divide by nothing that a month has. */
const planArbitrary = fc
  .record({
    prices: fc.array(fc.integer({ min: 0, max: 99_991 }), { minLength: 10, maxLength: 10 }),
    basisPoints: fc.integer({ min: 0, max: 1_500 }),
    trialDays: fc.integer({ min: 0, max: 20 }),
    quotas: fc.record({
      members: fc.integer({ min: 0, max: 3_000 }),
      storageGiB: fc.integer({ min: 0, max: 4 }),
      emailsPerMonth: fc.integer({ min: 0, max: 9_000 }),
      staff: fc.integer({ min: 0, max: 4 }),
    }),
  })
  .map(({ prices, basisPoints, trialDays, quotas }): Plan => {
    const inCurrency = (currency: 'EUR' | 'USD', offset: number) => ({
      monthlyPrice: { amount: prices[offset] ?? 0, currency },
      overage: {
        per1000Members: prices[offset + 1] ?? 0,
        perGiB: prices[offset + 2] ?? 0,
        per1000Emails: prices[offset + 3] ?? 0,
        perStaffSeat: prices[offset + 4] ?? 0,
      },
    });
    return {
      ...plans.studio,
      ...inCurrency('EUR', 0),
      alsoPricedIn: [inCurrency('USD', 5)],
      revenueShareBasisPoints: basisPoints,
      trialDays,
      quotas,
    };
  });

const planListArbitrary = fc.array(planArbitrary, { minLength: 3, maxLength: 3 });

/** Random histories; each step may be refused when its time comes. */
export function histories(months: number): fc.Arbitrary<History> {
  const minute = fc.integer({ min: 0, max: months * 28 * minutesOfDay });
  return fc
    .record({
      begin: fc.constantFrom('2026-01-01', '2027-12-01', '2028-02-01'),
      sites: fc.integer({ min: 1, max: 3 }),
      plans: fc.tuple(planListArbitrary, planListArbitrary),
      starts: fc.array(fc.record({ minute: fc.integer({ min: 0, max: 20 * minutesOfDay }), plan: indexBelow(3) }), {
        minLength: 3,
        maxLength: 3,
      }),
      actions: fc.array(fc.tuple(minute, action(3)), { minLength: 2, maxLength: 24, size: 'max' }),
      usage: fc.array(used(months), { minLength: 5, maxLength: 60, size: 'max' }),
      tax: fc.constantFrom(0, 770, 1_900, 2_550),
    })
    .map(({ begin, sites, plans: lists, starts, actions, usage, tax }) => {
      const first = starts.slice(0, sites).map(({ minute: at, plan }, site): Step => {
        return { kind: 'start', minute: at, site, plan, currency: site === 1 ? 'USD' : 'EUR' };
      });
      const taxed: Step = { kind: 'tax', minute: 0, basisPoints: tax, reverseCharge: false };
      const others = actions.map(([at, step]): Step => ({ ...step, minute: at }) as Step);
      const measured = usage.map((step, index): Step => {
        const correction = step.quantity < 0 && step.metric !== 'revenue';
        return { ...step, kind: 'usage', source: `${correction ? 'correction:' : 'meter '}${index}` };
      });
      const closes = Array.from({ length: months }, (_, month): Step => {
        return { kind: 'close', month, minute: minutesUntil(begin, month + 1) + 36 * 60 };
      });
      const steps = [taxed, ...first, ...others, ...measured, ...closes]
        .map(numbered)
        .sort((a, b) => a.minute - b.minute);
      return { begin, months, sites, plans: lists, steps: steps.map((step) => onSite(step, sites)) };
    });
}

/** Minutes from the history's begin to that of its n-th month, counted from 0. */
export function minutesUntil(begin: string, month: number): number {
  const [year = 0, first = 0] = begin.split('-').map(Number);
  return (Date.UTC(year, first - 1 + month, 1) - Date.parse(`${begin}T00:00:00Z`)) / 60_000;
}

function action(sites: number) {
  const site = indexBelow(sites);
  const simple = fc.constantFrom('pause' as const, 'resume' as const, 'cancel' as const);
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('plan' as const), site, plan: indexBelow(3) }) },
    { weight: 5, arbitrary: fc.record({ kind: simple, site }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('start' as const),
        site,
        plan: indexBelow(3),
        currency: fc.constantFrom('EUR' as const, 'USD' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('standing' as const),
        site,
        standing: fc.constantFrom<Standing>('good', 'past-due', 'grace', 'suspended'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('credit' as const),
        currency: fc.constantFrom('EUR', 'USD', 'JPY'),
        amount: fc.integer({ min: 1, max: 60_000 }),
        key: fc.constant(''),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('tax' as const),
        basisPoints: fc.integer({ min: 0, max: 2_700 }),
        reverseCharge: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reprice' as const) }) },
  );
}

/** Usage is recorded after its day, sometimes long after its month was closed. */
function used(months: number) {
  const amounts: Readonly<Record<Metric, fc.Arbitrary<number>>> = {
    members: fc.integer({ min: -900, max: 9_000 }),
    storage: fc.integer({ min: -gibibyte, max: 12 * gibibyte }),
    staff: fc.integer({ min: -2, max: 12 }),
    emails: fc.integer({ min: -900, max: 14_000 }),
    revenue: fc.integer({ min: -200_000, max: 250_000 }),
  };
  const days = months * 28 - 2;
  const one = (metric: Metric) =>
    fc.record({
      site: indexBelow(3),
      metric: fc.constant(metric),
      currency: metric === 'revenue' ? fc.constantFrom('EUR', 'USD', 'JPY') : fc.constant(undefined),
      day: fc.integer({ min: 0, max: days }),
      quantity: amounts[metric],
      delay: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 600 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 * minutesOfDay }) },
      ),
    });
  return fc
    .oneof(one('members'), one('storage'), one('staff'), one('emails'), one('revenue'))
    .map(({ delay, ...rest }) => ({ ...rest, minute: (rest.day + 1) * minutesOfDay + delay }));
}

function numbered(step: Step, index: number): Step {
  return step.kind === 'credit' ? { ...step, key: `credit ${index}` } : step;
}

function onSite(step: Step, sites: number): Step {
  return 'site' in step ? { ...step, site: step.site % sites } : step;
}

function indexBelow(count: number) {
  return fc.integer({ min: 0, max: count - 1 });
}
