import Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setDriver } from '../../../runtime/platform/billing/accounts.ts';
import { collectInvoice, refundPayment } from '../../../runtime/platform/billing/collect.ts';
import { manualDriver } from '../../../runtime/platform/billing/drivers/manual.ts';
import { StripeDriver } from '../../../runtime/platform/billing/drivers/stripe.ts';
import { getInvoice, type Invoice, listInvoices } from '../../../runtime/platform/billing/invoices.ts';
import { receiveNotice } from '../../../runtime/platform/billing/notices.ts';
import { listPayments, recordPayment, recordRefund } from '../../../runtime/platform/billing/payments.ts';
import { addSubscriber, closeMonth } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';
import { startStripeMock, type TestStripe } from '../../support/stripe-mock.ts';

const platform = usePlatformDatabase();
const now = new Date('2026-04-02T12:00:00Z');
const options = { interactive: false, returnUrl: 'https://platform.example.com/invoices' };
const webhookSecret = 'whsec_of_a_test';
let stripe: TestStripe;
let driver: StripeDriver;

beforeAll(async () => {
  stripe = await startStripeMock(platform.dir);
  driver = new StripeDriver({ secretKey: 'sk_test_123', webhookSecret, apiUrl: stripe.url });
});

beforeEach(() => stripe.reset());

afterAll(() => stripe?.stop());

describe('a payment by hand', () => {
  it('is booked once, in parts too, and what is too much can go back', async () => {
    const invoice = await issue();
    const paid = (reference: string, amount: number) =>
      platform.database.asFleet((db) =>
        recordPayment(db, { invoiceId: invoice.id, driver: 'manual', reference, amount, currency: 'EUR' }, now),
      );
    expect(await paid('bank 1', 1_900)).toMatchObject({ changed: true, balance: 1_000 });
    expect(await paid('bank 1', 1_900)).toMatchObject({ changed: false, balance: 1_000 });
    expect(await paid('bank 2', 1_500)).toMatchObject({ changed: true, balance: -500 });
    const payments = await platform.database.asFleet((db) => listPayments(db, invoice.id));
    const second = payments.find(({ reference }) => reference === 'bank 2');
    const refund = (amount: number, reference: string) =>
      platform.database.asFleet((db) =>
        recordRefund(db, { paymentId: second?.id ?? '', driver: 'manual', reference, amount, currency: 'EUR' }, now),
      );
    expect(await refund(500, 'bank 3')).toMatchObject({ changed: true, balance: 0 });
    expect(await refund(500, 'bank 3')).toMatchObject({ changed: false, balance: 0 });
    await expect(refund(1_001, 'bank 4')).rejects.toThrow('more would go back');
  });

  it('is refused in another currency, of nothing, or for no invoice', async () => {
    const invoice = await issue();
    const payment = { invoiceId: invoice.id, driver: 'manual', reference: 'bank 9', amount: 5, currency: 'EUR' };
    const pay = (change: object) =>
      platform.database.asFleet((db) => recordPayment(db, { ...payment, ...change }, now));
    await expect(pay({ currency: 'USD' })).rejects.toThrow('to be paid in EUR');
    await expect(pay({ amount: 0 })).rejects.toThrow('above nothing');
    await expect(pay({ invoiceId: invoice.creatorId })).rejects.toThrow('no such invoice');
  });

  it('is asked for by the invoice itself', async () => {
    const invoice = await issue();
    const collect = () =>
      collectInvoice(platform.database, { manual: manualDriver }, { invoiceId: invoice.id, ...options }, now);
    expect(await collect()).toEqual({ outcome: 'action-needed', reference: invoice.number, url: null });
    await expect(collectInvoice(platform.database, {}, { invoiceId: invoice.id, ...options }, now)).rejects.toThrow(
      'not set up',
    );
  });
});

describe('a payment by Stripe', () => {
  it('of a saved card is booked at once, and its notice changes nothing more', async () => {
    const invoice = await issueForStripe();
    succeed('pi_of_card');
    const collect = () =>
      collectInvoice(platform.database, { stripe: driver }, { invoiceId: invoice.id, ...options }, now);
    expect(await collect()).toMatchObject({ outcome: 'paid', reference: 'pi_of_card' });
    expect(await balanceOf(invoice)).toBe(0);
    expect(await deliver(succeededEvent('evt_card', 'pi_of_card', invoice))).toMatchObject({ changed: false });
    expect(await collect()).toEqual({ outcome: 'settled' });
    expect(stripe.calls.filter(({ route }) => route === 'POST /v1/customers')).toHaveLength(1);
    expect(stripe.calls.filter(({ route }) => route === 'POST /v1/payment_intents')).toHaveLength(1);
  });

  it('whose answer was lost is asked for again under the same key', async () => {
    const invoice = await issueForStripe();
    stripe.reset(({ route }, example) => (route === 'POST /v1/payment_intents' ? undefined : example));
    const collect = () =>
      collectInvoice(platform.database, { stripe: driver }, { invoiceId: invoice.id, ...options }, now);
    await expect(collect()).rejects.toThrow();
    const lost = keysOfCharges();
    succeed('pi_of_retry');
    expect(await collect()).toMatchObject({ outcome: 'paid' });
    expect(new Set([...lost, ...keysOfCharges()]).size).toBe(1);
  });

  it('is booked once from its notice, delivered five times at once', async () => {
    const invoice = await issueForStripe();
    const event = succeededEvent('evt_five', 'pi_five', invoice);
    const received = await Promise.all(Array.from({ length: 5 }, () => deliver(event)));
    expect(received.filter(({ changed }) => changed)).toHaveLength(1);
    expect(await balanceOf(invoice)).toBe(0);
  });

  it('that failed is noted, and the next attempt has another key', async () => {
    const invoice = await issueForStripe();
    const decline = { type: 'card_error', message: 'Your card was declined.', payment_intent: { id: 'pi_declined' } };
    stripe.reset(({ route }, example) => (route === 'POST /v1/payment_intents' ? { error: decline } : example));
    const collect = () =>
      collectInvoice(platform.database, { stripe: driver }, { invoiceId: invoice.id, ...options }, now);
    expect(await collect()).toMatchObject({ outcome: 'failed', message: 'Your card was declined.' });
    await collect();
    expect(new Set(keysOfCharges()).size).toBe(2);
    expect(await balanceOf(invoice)).toBe(2_900);
  });

  it('that came in by Checkout is booked when it is asked for again before its notice came', async () => {
    const invoice = await issueForStripe();
    const interactive = { invoiceId: invoice.id, ...options, interactive: true };
    const collect = () => collectInvoice(platform.database, { stripe: driver }, interactive, now);
    stripe.reset((_call, example) => ({ ...example, id: 'cs_checkout', url: 'https://checkout.example.com/2' }));
    expect(await collect()).toMatchObject({ outcome: 'action-needed', url: 'https://checkout.example.com/2' });
    const intent = { id: 'pi_checkout', status: 'succeeded', amount_received: 2_900, currency: 'eur' };
    stripe.reset((_call, example) => ({ ...example, status: 'complete', payment_intent: intent }));
    expect(await collect()).toMatchObject({ outcome: 'paid', reference: 'pi_checkout' });
    expect(await balanceOf(invoice)).toBe(0);
  });

  it('that went back is open again, and can be asked for again', async () => {
    const invoice = await issueForStripe();
    await deliver(succeededEvent('evt_paid', 'pi_back', invoice));
    const [payment] = await platform.database.asFleet((db) => listPayments(db, invoice.id));
    stripe.reset((_call, example) => ({ ...example, id: 're_back', status: 'succeeded' }));
    const refund = { paymentId: payment?.id ?? '', amount: 900, key: 'refund 1' };
    expect(await refundPayment(platform.database, { stripe: driver }, refund, now)).toMatchObject({ outcome: 'done' });
    expect(await deliver(refundEvent('evt_back', 're_back', 'pi_back', 900))).toMatchObject({ changed: false });
    expect(await balanceOf(invoice)).toBe(900);
    expect(await deliver(refundEvent('evt_more', 're_by_hand', 'pi_back', 100))).toMatchObject({ changed: true });
    expect(await balanceOf(invoice)).toBe(1_000);
    const open = await platform.database.asCreator(invoice.creatorId, (db) => listInvoices(db, { open: true }));
    expect(open.map(({ id }) => id)).toEqual([invoice.id]);
  });

  it('that its bank took back is open again', async () => {
    const invoice = await issueForStripe();
    await deliver(succeededEvent('evt_disputed', 'pi_disputed', invoice));
    const dispute = { id: 'dp_1', object: 'dispute', amount: 2_900, currency: 'eur', payment_intent: 'pi_disputed' };
    await deliver({ id: 'evt_dispute', type: 'charge.dispute.funds_withdrawn', object: dispute });
    expect(await balanceOf(invoice)).toBe(2_900);
  });
});

describe('a notice of Stripe', () => {
  it('is refused when somebody else signed it, its text was changed, or it is old', () => {
    const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'ping', data: { object: {} } });
    const signed = (secret: string, at: Date) =>
      Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: Math.floor(at.getTime() / 1000) });
    expect(driver.readNotice(body, signed(webhookSecret, now), now)).toMatchObject({ effect: { kind: 'none' } });
    expect(() => driver.readNotice(body, signed('whsec_other', now), now)).toThrow('signature');
    expect(() => driver.readNotice(`${body} `, signed(webhookSecret, now), now)).toThrow('signature');
    const late = new Date(now.getTime() + 301_000);
    expect(() => driver.readNotice(body, signed(webhookSecret, now), late)).toThrow('outside the tolerance');
  });

  it('of what is not ours is noted and does nothing', async () => {
    const intent = { id: 'pi_foreign', object: 'payment_intent', metadata: {}, amount_received: 5, currency: 'eur' };
    const foreign = { id: 'evt_foreign', type: 'payment_intent.succeeded', object: intent };
    expect(await deliver(foreign)).toEqual({ changed: false, creatorId: undefined, invoiceId: undefined });
    const named = { ...intent, id: 'pi_named', metadata: { invoice: 'of another shop' } };
    expect(await deliver({ ...foreign, id: 'evt_named', object: named })).toMatchObject({ changed: false });
  });

  it('that a payment went back, which comes before the payment’s own, is to be delivered again', async () => {
    const invoice = await issueForStripe();
    const early = refundEvent('evt_early', 're_early', 'pi_late', 900);
    await expect(deliver(early)).rejects.toThrow('not booked yet');
    await deliver(succeededEvent('evt_late', 'pi_late', invoice));
    expect(await deliver(early)).toMatchObject({ changed: true });
    expect(await balanceOf(invoice)).toBe(900);
  });
});

interface TestEvent {
  readonly id: string;
  readonly type: string;
  readonly object: object;
}

/** Signs an event as Stripe does, and lets the driver read and the books take it. */
async function deliver({ id, type, object }: TestEvent) {
  const body = JSON.stringify({ id, object: 'event', type, data: { object } });
  const timestamp = Math.floor(now.getTime() / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret: webhookSecret, timestamp });
  const notice = driver.readNotice(body, signature, now);
  return platform.database.asFleet((db) => receiveNotice(db, 'stripe', notice, now));
}

function succeededEvent(id: string, intent: string, invoice: Invoice): TestEvent {
  const object = { id: intent, object: 'payment_intent', metadata: { invoice: invoice.id }, currency: 'eur' };
  return { id, type: 'payment_intent.succeeded', object: { ...object, amount_received: invoice.total } };
}

function refundEvent(id: string, refund: string, intent: string, amount: number): TestEvent {
  const object = { id: refund, object: 'refund', status: 'succeeded', currency: 'eur', amount, payment_intent: intent };
  return { id, type: 'refund.updated', object };
}

/** Lets the charge of a saved card succeed. */
function succeed(intent: string): void {
  stripe.reset(({ route, parameters }, example) =>
    route === 'POST /v1/payment_intents'
      ? {
          ...example,
          id: intent,
          status: 'succeeded',
          currency: 'eur',
          amount_received: Number(parameters.get('amount')),
        }
      : example,
  );
}

function keysOfCharges(): (string | undefined)[] {
  return stripe.calls
    .filter(({ route }) => route === 'POST /v1/payment_intents')
    .map(({ idempotencyKey }) => idempotencyKey);
}

/** An invoice over 29.00 EUR. */
async function issue(): Promise<Invoice> {
  const { creatorId } = await addSubscriber(platform, '2026-03-01');
  const [invoice] = await closeMonth(platform, creatorId, '2026-03', now);
  if (invoice === undefined) throw new Error('no invoice was issued');
  return invoice;
}

async function issueForStripe(): Promise<Invoice> {
  const invoice = await issue();
  await platform.database.asFleet((db) => setDriver(db, invoice.creatorId, 'stripe', null));
  return invoice;
}

async function balanceOf({ id }: Invoice): Promise<number> {
  return (await platform.database.asFleet((db) => getInvoice(db, id))).balance;
}
