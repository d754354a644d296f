import { BillingError } from '../errors.ts';
import { minorDecimals } from '../money.ts';

/** Without decimals in ISO 4217; Stripe counts hundredths of them (docs.stripe.com/currencies#special-cases). */
const countedInHundredths: ReadonlySet<string> = new Set(['ISK', 'UGX']);

/** How many of Stripe's units make one minor unit of ISO 4217. */
export function stripeUnitsIn(currency: string): number {
  return countedInHundredths.has(currency) ? 100 : 1;
}

/**
 * An amount as Stripe counts it.
 *
 * @throws BillingError where Stripe cannot take it: of currencies with three decimals it takes only tens
 */
export function toStripeAmount(amount: number, currency: string): number {
  if (minorDecimals(currency) === 3 && amount % 10 !== 0) {
    throw new BillingError('invalid', `Stripe takes only tens of the smallest unit of ${currency}; got ${amount}`);
  }
  return amount * stripeUnitsIn(currency);
}

/** An amount of Stripe's in the minor unit of ISO 4217. @throws BillingError where it has none such */
export function fromStripeAmount(amount: number, currency: string): number {
  const units = stripeUnitsIn(currency);
  if (amount % units === 0) return amount / units;
  throw new BillingError('invalid', `expected whole ${currency}; got ${amount} hundredths`);
}
