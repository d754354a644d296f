import type { EnvironmentReader } from '../../environment/reader.ts';

/** Who issues the invoices, as they show it. */
export interface Seller {
  readonly name: string;
  readonly address: readonly string[];
  readonly taxId: string | null;
}

/** What the business decided about its invoices. */
export interface BillingSettings {
  readonly seller: Seller;
  /** What numbers begin with, such as `GF-`. */
  readonly numberPrefix: string;
  /** Days from issue until an invoice is due. */
  readonly paymentDays: number;
  /** Days that a site is reminded before its grace period begins. */
  readonly pastDueDays: number;
  /** Days of the last warning, after which the site is suspended. */
  readonly graceDays: number;
  /** Absent where nobody pays by Stripe. */
  readonly stripe: StripeSettings | undefined;
}

export interface StripeSettings {
  readonly secretKey: string;
  readonly webhookSecret: string;
  /** Where the API is, for tests against another server. @default Stripe's own */
  readonly apiUrl: string | undefined;
}

/**
 * Reads `BILLING_SELLER_NAME BILLING_SELLER_ADDRESS` (lines set apart by `;`) `BILLING_SELLER_TAX_ID
 * BILLING_NUMBER_PREFIX BILLING_PAYMENT_DAYS BILLING_PAST_DUE_DAYS BILLING_GRACE_DAYS STRIPE_SECRET_KEY
 * STRIPE_WEBHOOK_SECRET STRIPE_API_URL`; what is wrong is among the reader's problems.
 */
export function billingSettings(read: EnvironmentReader): BillingSettings {
  const address = read.text('BILLING_SELLER_ADDRESS') ?? '';
  return {
    seller: {
      name: read.text('BILLING_SELLER_NAME') ?? 'ghost-fleet',
      address: address
        .split(';')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
      taxId: read.text('BILLING_SELLER_TAX_ID') ?? null,
    },
    numberPrefix:
      read.matching('BILLING_NUMBER_PREFIX', /^[A-Z0-9-]{0,12}$/, 'at most 12 capital letters, digits and hyphens') ??
      '',
    paymentDays: read.integer('BILLING_PAYMENT_DAYS', 14, 0, 365),
    pastDueDays: read.integer('BILLING_PAST_DUE_DAYS', 7, 0, 365),
    graceDays: read.integer('BILLING_GRACE_DAYS', 14, 1, 365),
    stripe: stripeSettings(read),
  };
}

function stripeSettings(read: EnvironmentReader): StripeSettings | undefined {
  const [secretKey, webhookSecret] = [read.text('STRIPE_SECRET_KEY'), read.text('STRIPE_WEBHOOK_SECRET')];
  const apiUrl = read.matching('STRIPE_API_URL', /^https?:\/\/[^/]+\/?$/, 'the address of a server, without a path');
  if (secretKey === undefined && webhookSecret === undefined) return undefined;
  if (secretKey === undefined)
    read.report('STRIPE_SECRET_KEY', 'the key that STRIPE_WEBHOOK_SECRET goes with', 'nothing');
  if (webhookSecret === undefined) {
    read.report('STRIPE_WEBHOOK_SECRET', 'the secret that STRIPE_SECRET_KEY goes with', 'nothing');
  }
  return { secretKey: secretKey ?? '', webhookSecret: webhookSecret ?? '', apiUrl };
}
