import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CollectRequest } from '../../../runtime/platform/billing/drivers/driver.ts';
import { StripeDriver } from '../../../runtime/platform/billing/drivers/stripe.ts';
import { temporaryDir } from '../../support/site-process.ts';
import { startStripeMock, type TestStripe } from '../../support/stripe-mock.ts';

let stripe: TestStripe;
let driver: StripeDriver;
let removeFiles: () => Promise<void>;

beforeAll(async () => {
  const { dir, remove } = await temporaryDir();
  removeFiles = remove;
  stripe = await startStripeMock(dir);
  driver = new StripeDriver({ secretKey: 'sk_test_123', webhookSecret: 'whsec_test', apiUrl: stripe.url });
});

beforeEach(() => stripe.reset());

afterAll(async () => {
  await stripe?.stop();
  await removeFiles?.();
});

const request: CollectRequest = {
  invoiceId: '2b0c5b0e-3f2b-4d8f-9d54-1b8f6e1f0a11',
  number: 'T-2026-000017',
  amount: 3_451,
  currency: 'EUR',
  customer: 'cus_1',
  interactive: false,
  returnUrl: 'https://platform.example.com/invoices',
  key: 'attempt-0',
  earlier: undefined,
};

describe('Stripe, by its own definition of the API', () => {
  it('takes the customer that is made once for a creator', async () => {
    const payer = { creatorId: 'creator-1', email: 'mira@example.com', name: 'Mira', customer: null };
    expect(await driver.ensureCustomer(payer)).toMatch(/^cus_/);
    expect(await driver.ensureCustomer({ ...payer, customer: 'cus_7' })).toBe('cus_7');
    expect(stripe.calls.map(({ route, idempotencyKey }) => [route, idempotencyKey])).toEqual([
      ['POST /v1/customers', 'customer-creator-1'],
    ]);
  });

  it('charges the saved card while the creator is away, under the attempt’s key', async () => {
    stripe.reset(({ route, parameters }, example) =>
      route === 'POST /v1/payment_intents'
        ? { ...example, status: 'succeeded', amount_received: Number(parameters.get('amount')), currency: 'eur' }
        : example,
    );
    const outcome = await driver.collect(request);
    expect(outcome).toMatchObject({ outcome: 'paid', amount: 3_451, currency: 'EUR' });
    const charge = stripe.calls.at(-1);
    expect(charge).toMatchObject({ route: 'POST /v1/payment_intents', idempotencyKey: 'charge-attempt-0' });
    expect(Object.fromEntries(charge?.parameters ?? [])).toMatchObject({
      amount: '3451',
      currency: 'eur',
      customer: 'cus_1',
      confirm: 'true',
      off_session: 'true',
      'metadata[invoice]': request.invoiceId,
    });
  });

  it('sends the creator to Checkout where they are there, or have no card', async () => {
    stripe.reset(({ route }, example) => ({
      ...example,
      ...(route.endsWith('/payment_methods') && { data: [] }),
      ...(route === 'POST /v1/checkout/sessions' && { url: 'https://checkout.example.com/1' }),
    }));
    for (const interactive of [true, false]) {
      const outcome = await driver.collect({ ...request, interactive });
      expect(outcome).toMatchObject({ outcome: 'action-needed', url: 'https://checkout.example.com/1' });
    }
    expect(stripe.calls.map(({ route }) => route)).toEqual([
      'POST /v1/checkout/sessions',
      'GET /v1/customers/cus_1/payment_methods',
      'POST /v1/checkout/sessions',
    ]);
  });

  it('tells of a card that was declined, and of a payment that takes its time', async () => {
    const answer = (change: Record<string, unknown>) =>
      stripe.reset(({ route }, example) =>
        route === 'POST /v1/payment_intents' ? { ...example, ...change } : example,
      );
    answer({ error: { type: 'card_error', message: 'Your card was declined.', payment_intent: { id: 'pi_9' } } });
    expect(await driver.collect(request)).toEqual({
      outcome: 'failed',
      reference: 'pi_9',
      message: 'Your card was declined.',
    });
    answer({ status: 'processing', id: 'pi_10' });
    expect(await driver.collect(request)).toEqual({ outcome: 'pending', reference: 'pi_10' });
  });

  it('is asked what became of an earlier request before it is asked again', async () => {
    stripe.reset((_call, example) => ({ ...example, status: 'processing' }));
    const pending = { ...request, earlier: { reference: 'pi_3', outcome: 'pending' as const } };
    expect(await driver.collect(pending)).toEqual({ outcome: 'pending', reference: 'pi_3' });
    expect(stripe.calls.map(({ route }) => route)).toEqual(['GET /v1/payment_intents/pi_3']);

    const open = { ...request, earlier: { reference: 'cs_4', outcome: 'action-needed' as const } };
    stripe.reset((_call, example) => ({ ...example, status: 'open', amount_total: 3_451, url: 'https://checkout/4' }));
    expect(await driver.collect(open)).toMatchObject({ outcome: 'action-needed', url: 'https://checkout/4' });
    expect(stripe.calls.map(({ route }) => route)).toEqual(['GET /v1/checkout/sessions/cs_4']);
  });

  it('ends a Checkout that asks for another amount than is open', async () => {
    stripe.reset((_call, example) => ({ ...example, status: 'open', amount_total: 9_999 }));
    await driver.collect({
      ...request,
      interactive: true,
      earlier: { reference: 'cs_4', outcome: 'action-needed' },
    });
    expect(stripe.calls.map(({ route }) => route)).toEqual([
      'GET /v1/checkout/sessions/cs_4',
      'POST /v1/checkout/sessions/cs_4/expire',
      'POST /v1/checkout/sessions',
    ]);
  });

  it('sends money back once for a key', async () => {
    const refund = { invoiceId: request.invoiceId, payment: 'pi_3', amount: 500, currency: 'EUR', key: 'note-1' };
    expect(await driver.refund(refund)).toMatchObject({ outcome: 'done', reference: expect.stringMatching(/^re_/) });
    expect(stripe.calls.map(({ route, idempotencyKey }) => [route, idempotencyKey])).toEqual([
      ['POST /v1/refunds', 'refund-note-1'],
    ]);
    stripe.reset((_call, example) => ({ ...example, status: 'failed', failure_reason: 'expired_or_canceled_card' }));
    expect(await driver.refund(refund)).toMatchObject({ outcome: 'failed', message: 'expired_or_canceled_card' });
  });

  it('refuses what its definition does not know, so that these tests could fail', async () => {
    const answer = await fetch(new URL('/v1/refunds', stripe.url), {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_123' },
      body: new URLSearchParams({ payment_intent: 'pi_3', nonsense: '1' }),
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('additional properties')]);
  });
});
