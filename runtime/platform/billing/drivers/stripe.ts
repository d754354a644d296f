import Stripe from 'stripe';
import type { StripeSettings } from '../settings.ts';
import {
  type CollectOutcome,
  type CollectRequest,
  type NoticeEffect,
  NoticeRefusedError,
  type Payer,
  type PaymentDriver,
  type PaymentNotice,
  type RefundOutcome,
  type RefundRequest,
} from './driver.ts';
import { fromStripeAmount, toStripeAmount } from './stripe-amounts.ts';

/** Seconds that a notice may be old (Stripe's own default). */
const toleranceSeconds = 300;

/**
 * Payments by Stripe: a saved card is charged while the creator is away, else they are sent to Checkout, which saves the
 * card. The invoices stay this platform's; Stripe sees an amount and the invoice's number. Every call carries an idempotency
 * key, so that one whose answer was lost can be made again.
 */
export class StripeDriver implements PaymentDriver {
  readonly name = 'stripe';
  readonly #stripe: Stripe;
  readonly #webhookSecret: string;

  constructor({ secretKey, webhookSecret, apiUrl }: StripeSettings) {
    const server = apiUrl === undefined ? {} : address(apiUrl);
    this.#stripe = new Stripe(secretKey, { ...server, maxNetworkRetries: 2, timeout: 20_000, telemetry: false });
    this.#webhookSecret = webhookSecret;
  }

  async ensureCustomer({ creatorId, email, name, customer }: Payer): Promise<string> {
    if (customer !== null) return customer;
    const made = await this.#stripe.customers.create(
      { email, name, metadata: { creator: creatorId } },
      { idempotencyKey: `customer-${creatorId}` },
    );
    return made.id;
  }

  async collect(request: CollectRequest): Promise<CollectOutcome> {
    const known = await this.#lookUp(request);
    if (known !== undefined) return known;
    const { customer, interactive } = request;
    if (customer !== null && !interactive) {
      const methods = await this.#stripe.customers.listPaymentMethods(customer, { type: 'card', limit: 1 });
      const method = methods.data[0]?.id;
      if (method !== undefined) return this.#charge(request, customer, method);
    }
    return this.#sendToCheckout(request);
  }

  async refund({ invoiceId, payment, amount, currency, key }: RefundRequest): Promise<RefundOutcome> {
    const refund = await this.#stripe.refunds.create(
      { payment_intent: payment, amount: toStripeAmount(amount, currency), metadata: { invoice: invoiceId } },
      { idempotencyKey: `refund-${key}` },
    );
    const reference = refund.id;
    if (refund.status === 'succeeded') return { outcome: 'done', reference };
    if (refund.status === 'failed' || refund.status === 'canceled') {
      return { outcome: 'failed', reference, message: refund.failure_reason ?? refund.status };
    }
    return { outcome: 'pending', reference };
  }

  readNotice(body: string | Buffer, signature: string, now: Date): PaymentNotice {
    try {
      const event = this.#stripe.webhooks.constructEvent(
        body,
        signature,
        this.#webhookSecret,
        toleranceSeconds,
        undefined,
        now.getTime(),
      );
      return { eventId: event.id, type: event.type, effect: effectOf(event) };
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) throw new NoticeRefusedError(error.message);
      throw error;
    }
  }

  /** What became of the earlier request, so that nobody pays twice; undefined where it came to nothing. */
  async #lookUp({ earlier, amount, currency }: CollectRequest): Promise<CollectOutcome | undefined> {
    const reference = earlier?.reference ?? '';
    if (reference.startsWith('pi_')) return outcomeOf(await this.#stripe.paymentIntents.retrieve(reference));
    if (!reference.startsWith('cs_')) return undefined;
    const session = await this.#stripe.checkout.sessions.retrieve(reference, { expand: ['payment_intent'] });
    if (session.status === 'open') {
      if (session.amount_total === toStripeAmount(amount, currency)) {
        return { outcome: 'action-needed', reference, url: session.url };
      }
      await this.#stripe.checkout.sessions.expire(reference);
      return undefined;
    }
    const intent = session.payment_intent;
    return intent === null || typeof intent === 'string' ? undefined : outcomeOf(intent);
  }

  async #charge(request: CollectRequest, customer: string, method: string): Promise<CollectOutcome> {
    const { invoiceId, number, amount, currency, key } = request;
    try {
      const intent = await this.#stripe.paymentIntents.create(
        {
          amount: toStripeAmount(amount, currency),
          currency: currency.toLowerCase(),
          customer,
          payment_method: method,
          off_session: true,
          confirm: true,
          description: `Invoice ${number}`,
          metadata: { invoice: invoiceId },
        },
        { idempotencyKey: `charge-${key}` },
      );
      return (
        outcomeOf(intent) ?? { outcome: 'failed', reference: intent.id, message: `the payment is ${intent.status}` }
      );
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
      return { outcome: 'failed', reference: error.payment_intent?.id ?? key, message: error.message };
    }
  }

  async #sendToCheckout(request: CollectRequest): Promise<CollectOutcome> {
    const { invoiceId, number, amount, currency, customer, returnUrl, key } = request;
    const metadata = { invoice: invoiceId };
    const session = await this.#stripe.checkout.sessions.create(
      {
        mode: 'payment',
        ...(customer === null ? {} : { customer }),
        line_items: [
          {
            quantity: 1,
            price_data: {
              currency: currency.toLowerCase(),
              unit_amount: toStripeAmount(amount, currency),
              product_data: { name: `Invoice ${number}` },
            },
          },
        ],
        payment_intent_data: { setup_future_usage: 'off_session', description: `Invoice ${number}`, metadata },
        client_reference_id: invoiceId,
        metadata,
        success_url: returnUrl,
        cancel_url: returnUrl,
      },
      { idempotencyKey: `checkout-${key}` },
    );
    return { outcome: 'action-needed', reference: session.id, url: session.url };
  }
}

function outcomeOf(intent: Stripe.PaymentIntent): CollectOutcome | undefined {
  if (intent.status === 'succeeded') return { outcome: 'paid', ...received(intent) };
  return intent.status === 'processing' ? { outcome: 'pending', reference: intent.id } : undefined;
}

function received(intent: Stripe.PaymentIntent) {
  const currency = intent.currency.toUpperCase();
  return { reference: intent.id, amount: fromStripeAmount(intent.amount_received, currency), currency };
}

function effectOf(event: Stripe.Event): NoticeEffect {
  switch (event.type) {
    case 'payment_intent.succeeded': {
      const intent = event.data.object;
      const invoiceId = intent.metadata.invoice;
      return invoiceId === undefined ? { kind: 'none' } : { kind: 'paid', invoiceId, ...received(intent) };
    }
    case 'payment_intent.payment_failed': {
      const { id, metadata, last_payment_error: error } = event.data.object;
      const invoiceId = metadata.invoice;
      const message = error?.message ?? 'the payment failed';
      return invoiceId === undefined ? { kind: 'none' } : { kind: 'failed', invoiceId, reference: id, message };
    }
    case 'refund.created':
    case 'refund.updated': {
      const { id, status, amount, currency, payment_intent: intent } = event.data.object;
      return status === 'succeeded' ? back(id, intent, amount, currency) : { kind: 'none' };
    }
    case 'charge.dispute.funds_withdrawn': {
      const { id, amount, currency, payment_intent: intent } = event.data.object;
      return back(id, intent, amount, currency);
    }
    default:
      return { kind: 'none' };
  }
}

function back(
  reference: string,
  intent: string | Stripe.PaymentIntent | null,
  amount: number,
  lowerCurrency: string,
): NoticeEffect {
  if (intent === null) return { kind: 'none' };
  const currency = lowerCurrency.toUpperCase();
  const payment = typeof intent === 'string' ? intent : intent.id;
  return { kind: 'refunded', payment, reference, amount: fromStripeAmount(amount, currency), currency };
}

function address(apiUrl: string) {
  const { hostname: host, port, protocol } = new URL(apiUrl);
  const secure = protocol === 'https:';
  return { host, port: port === '' ? (secure ? 443 : 80) : Number(port), protocol: secure ? 'https' : 'http' } as const;
}
