import { describe, expect, it } from 'vitest';
import { EnvironmentReader } from '../../../runtime/environment/reader.ts';
import { fromStripeAmount, toStripeAmount } from '../../../runtime/platform/billing/drivers/stripe-amounts.ts';
import { billingSettings } from '../../../runtime/platform/billing/settings.ts';

describe('the settings of billing', () => {
  it('are read from the environment, with a grace period in any case', () => {
    expect(billingSettings(new EnvironmentReader({}))).toMatchObject({
      paymentDays: 14,
      pastDueDays: 7,
      graceDays: 14,
      stripe: undefined,
    });
    const read = billingSettings(
      new EnvironmentReader({
        BILLING_SELLER_NAME: 'Fleet GmbH',
        BILLING_SELLER_ADDRESS: 'Hafenstraße 1; 20459 Hamburg',
        BILLING_NUMBER_PREFIX: 'GF-',
        STRIPE_SECRET_KEY: 'sk_test_1',
        STRIPE_WEBHOOK_SECRET: 'whsec_1',
      }),
    );
    expect(read.seller).toEqual({ name: 'Fleet GmbH', address: ['Hafenstraße 1', '20459 Hamburg'], taxId: null });
    expect(read.stripe).toEqual({ secretKey: 'sk_test_1', webhookSecret: 'whsec_1', apiUrl: undefined });
  });

  it('that are wrong are all named at once, without a secret', () => {
    const env = { BILLING_GRACE_DAYS: '0', BILLING_NUMBER_PREFIX: 'a b', STRIPE_SECRET_KEY: 'sk_live_secret' };
    const reader = new EnvironmentReader(env);
    billingSettings(reader);
    const named = reader.problems.map(({ variable }) => variable);
    expect(named).toEqual(['BILLING_NUMBER_PREFIX', 'BILLING_GRACE_DAYS', 'STRIPE_WEBHOOK_SECRET']);
    expect(JSON.stringify(reader.problems)).not.toContain('sk_live');
  });
});

describe('an amount for Stripe', () => {
  it('is in the unit that Stripe counts the currency in', () => {
    expect([toStripeAmount(2_900, 'EUR'), toStripeAmount(500, 'JPY'), toStripeAmount(500, 'ISK')]).toEqual([
      2_900, 500, 50_000,
    ]);
    expect([fromStripeAmount(50_000, 'ISK'), fromStripeAmount(500, 'JPY')]).toEqual([500, 500]);
    expect(() => toStripeAmount(1_234, 'KWD')).toThrow('tens');
    expect(() => fromStripeAmount(50_050, 'ISK')).toThrow('whole ISK');
  });
});
