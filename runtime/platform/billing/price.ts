import type { OveragePrices, Plan, PlanPrice } from '../../../sites/plans.ts';
import { BillingError } from './errors.ts';
import type { SoldPrice } from './subscription.ts';

/** What a plan holds and costs in one currency. A version never changes: another price is another version. */
export interface Price extends SoldPrice {
  readonly title: string;
  /** A month of it. */
  readonly monthly: number;
  readonly included: {
    readonly members: number;
    readonly storageGiB: number;
    readonly emails: number;
    readonly staff: number;
  };
  readonly overage: OveragePrices;
  readonly revenueShareBasisPoints: number;
  readonly trialDays: number;
}

/** What the price list says of a plan, a currency each, before it has a version. */
export function pricesOf(key: string, plan: Plan): Omit<Price, 'version'>[] {
  const { title, quotas, revenueShareBasisPoints, trialDays } = plan;
  const { members, storageGiB, emailsPerMonth: emails, staff } = quotas;
  const inOne = ({ monthlyPrice, overage }: PlanPrice) => ({
    plan: key,
    currency: monthlyPrice.currency,
    title,
    monthly: monthlyPrice.amount,
    included: { members, storageGiB, emails, staff },
    overage,
    revenueShareBasisPoints,
    trialDays,
  });
  return [plan, ...plan.alsoPricedIn].map(inOne);
}

/** The versions of prices by what was sold. */
export class PriceList {
  readonly #prices: ReadonlyMap<string, Price>;

  constructor(prices: readonly Price[]) {
    this.#prices = new Map(prices.map((price) => [keyOf(price), price]));
  }

  /** @throws BillingError where there is no such version */
  get(sold: SoldPrice): Price {
    const price = this.#prices.get(keyOf(sold));
    if (price !== undefined) return price;
    throw new BillingError('not-found', `no version ${sold.version} of the price of ${sold.plan} in ${sold.currency}`);
  }
}

function keyOf({ plan, currency, version }: SoldPrice): string {
  return `${plan} ${currency} ${version}`;
}
