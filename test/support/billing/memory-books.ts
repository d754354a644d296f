import type { UsageRecord } from '../../../runtime/platform/billing/charge.ts';
import { BillingError } from '../../../runtime/platform/billing/errors.ts';
import { draftInvoices, type InvoiceDraft } from '../../../runtime/platform/billing/invoice-draft.ts';
import { addDays } from '../../../runtime/platform/billing/period.ts';
import { type Price, PriceList, pricesOf } from '../../../runtime/platform/billing/price.ts';
import {
  cancelled,
  paused,
  planChanged,
  resumed,
  type SubscriptionEvent,
  type SubscriptionState,
  standingChanged,
  started,
} from '../../../runtime/platform/billing/subscription.ts';
import { type Books, planKey } from './books.ts';
import type { History, Step } from './history.ts';

/** Books without a database: records in lists, and the functions that decide and compute. */
export class MemoryBooks implements Books {
  readonly #history: History;
  readonly #events: SubscriptionEvent[] = [];
  readonly #usage: UsageRecord[] = [];
  readonly #prices: readonly Price[];
  readonly #credits = new Map<string, number>();
  #version = 1;
  #tax = { basisPoints: 0, reverseCharge: false };
  #record = 0;
  #closed = 0;

  constructor(history: History) {
    this.#history = history;
    this.#prices = history.plans.flatMap((list, version) =>
      list.flatMap((plan, index) =>
        pricesOf(planKey('plan', index), plan).map((price) => ({ ...price, version: version + 1 })),
      ),
    );
  }

  async take(step: Exclude<Step, { kind: 'close' }>, at: Date): Promise<void> {
    if (step.kind === 'reprice') this.#version = 2;
    else if (step.kind === 'tax') this.#tax = step;
    else if (step.kind === 'credit') this.#addCredit(step.currency, step.amount);
    else if (step.kind === 'usage') this.#measure(step);
    else this.#act(step, at);
  }

  async close(period: string): Promise<InvoiceDraft[]> {
    const drafts = draftInvoices({
      period,
      through: this.#record,
      previous: this.#closed,
      events: this.#events,
      usage: this.#usage,
      prices: new PriceList(this.#prices),
      creditBalances: this.#credits,
      tax: this.#tax,
    });
    this.#closed = this.#record;
    for (const { currency, lines } of drafts) {
      for (const line of lines) if (line.kind === 'credit') this.#addCredit(currency, line.amount);
    }
    return drafts;
  }

  #act(step: Exclude<Extract<Step, { site: number }>, { kind: 'usage' }>, at: Date): void {
    const site = `site-${step.site}`;
    const before = this.#events.findLast((event) => event.site === site);
    if (before === undefined && step.kind !== 'start') return;
    try {
      const after = this.#decide(step, before, at);
      if (after === undefined) return;
      this.#record += 1;
      this.#events.push({ ...after, record: this.#record, creatorId: 'creator', site, type: 'started', at });
    } catch (error) {
      if (!(error instanceof BillingError)) throw error;
    }
  }

  #decide(
    step: Exclude<Extract<Step, { site: number }>, { kind: 'usage' }>,
    before: SubscriptionState | undefined,
    at: Date,
  ): SubscriptionState | undefined {
    if (step.kind === 'start') {
      const price = this.#price(step.plan, step.currency);
      return started(before, price, before === undefined ? addDays(at, price.trialDays) : null, at);
    }
    if (before === undefined) return undefined;
    if (step.kind === 'plan') return planChanged(before, this.#price(step.plan, before.currency));
    if (step.kind === 'standing') return standingChanged(before, step.standing, at);
    return { pause: paused, resume: resumed, cancel: cancelled }[step.kind](before);
  }

  #measure(step: Extract<Step, { kind: 'usage' }>): void {
    const day = addDays(new Date(`${this.#history.begin}T00:00:00Z`), step.day)
      .toISOString()
      .slice(0, 10);
    this.#record += 1;
    const { metric, quantity, currency = null } = step;
    this.#usage.push({ record: this.#record, site: `site-${step.site}`, metric, day, currency, quantity });
  }

  #price(index: number, currency: string): Price {
    const found = this.#prices.find(
      (price) =>
        price.plan === planKey('plan', index) && price.currency === currency && price.version === this.#version,
    );
    if (found === undefined) throw new Error(`no plan ${index} in ${currency}`);
    return found;
  }

  #addCredit(currency: string, amount: number): void {
    this.#credits.set(currency, (this.#credits.get(currency) ?? 0) + amount);
  }
}
