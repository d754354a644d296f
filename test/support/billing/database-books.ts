import { grantCredit, setBillingDetails } from '../../../runtime/platform/billing/accounts.ts';
import { closeCreatorMonth } from '../../../runtime/platform/billing/close-month.ts';
import { BillingError } from '../../../runtime/platform/billing/errors.ts';
import type { InvoiceDraft } from '../../../runtime/platform/billing/invoice-draft.ts';
import { addDays } from '../../../runtime/platform/billing/period.ts';
import { syncPlanPrices } from '../../../runtime/platform/billing/price-list.ts';
import {
  cancelSubscription,
  changePlan,
  changeStanding,
  pauseSubscription,
  resumeSubscription,
  startSubscription,
} from '../../../runtime/platform/billing/subscriptions.ts';
import { recordUsage } from '../../../runtime/platform/billing/usage.ts';
import { connect, type Transaction } from '../../../runtime/platform/database/connection.ts';
import type { TestPlatform } from '../platform-database.ts';
import { type Books, planKey } from './books.ts';
import { billingSettings, type TestCreator } from './creators.ts';
import type { History, Step } from './history.ts';

const actor = 'a history';

/** So that no invoice becomes overdue in the middle of a history, which would keep the creator from starting anew. */
export const patientSettings = { ...billingSettings, paymentDays: 365 };

/** Books in a platform's database, through what the dashboard and the worker call. */
export class DatabaseBooks implements Books {
  readonly #platform: TestPlatform;
  readonly #history: History;
  readonly #creator: TestCreator;
  /** Plans' keys begin with it, so that histories do not reprice each other. */
  readonly #name: string;

  constructor(platform: TestPlatform, history: History, creator: TestCreator) {
    this.#platform = platform;
    this.#history = history;
    this.#creator = creator;
    this.#name = `plan-${creator.creatorId.slice(0, 8)}`;
  }

  /** Puts the history's prices into the price list. */
  async begin(): Promise<void> {
    await this.#reprice(0, new Date(`${this.#history.begin}T00:00:00Z`));
  }

  async take(step: Exclude<Step, { kind: 'close' }>, at: Date): Promise<void> {
    if (step.kind === 'reprice') return this.#reprice(1, at);
    try {
      await this.#platform.database.asFleet((db) => this.#do(db, step, at));
    } catch (error) {
      if (!(error instanceof BillingError)) throw error;
    }
  }

  /** Closes the month, and closes it again, which must issue nothing. */
  async close(period: string, at: Date): Promise<readonly InvoiceDraft[]> {
    const { creatorId } = this.#creator;
    const close = () =>
      this.#platform.database.asFleet((db) => closeCreatorMonth(db, creatorId, period, patientSettings, at));
    const { invoices } = await close();
    const again = await close();
    if (again.invoices.length + again.closed.length > 0) throw new Error(`${period} was closed twice`);
    return invoices.filter((invoice) => invoice.period === period);
  }

  async #do(db: Transaction, step: Exclude<Step, { kind: 'close' | 'reprice' }>, at: Date): Promise<unknown> {
    const { creatorId } = this.#creator;
    switch (step.kind) {
      case 'start': {
        const { currency } = step;
        return startSubscription(
          db,
          { creatorId, site: this.#site(step), plan: this.#plan(step), currency, actor },
          at,
        );
      }
      case 'plan':
        return changePlan(db, { site: this.#site(step), plan: this.#plan(step), actor }, at);
      case 'pause':
        return pauseSubscription(db, { site: this.#site(step), actor }, at);
      case 'resume':
        return resumeSubscription(db, { site: this.#site(step), actor }, at);
      case 'cancel':
        return cancelSubscription(db, { site: this.#site(step), actor }, at);
      case 'standing':
        return changeStanding(db, { site: this.#site(step), standing: step.standing, actor }, at);
      case 'usage': {
        const day = addDays(new Date(`${this.#history.begin}T00:00:00Z`), step.day)
          .toISOString()
          .slice(0, 10);
        const { metric, quantity, source, currency } = step;
        const usage = { site: this.#site(step), metric, day, quantity, source, ...(currency && { currency }) };
        // What is delivered twice counts once.
        await recordUsage(db, [usage, usage], at);
        return recordUsage(db, [usage], at);
      }
      case 'credit':
        return grantCredit(db, { ...step, creatorId, reason: 'goodwill', actor }, at);
      case 'tax': {
        const { basisPoints: taxBasisPoints, reverseCharge } = step;
        const details = { name: 'Mira', address: [], country: 'DE', taxId: 'DE1', taxBasisPoints, reverseCharge };
        return setBillingDetails(db, creatorId, details, at);
      }
    }
  }

  async #reprice(list: 0 | 1, at: Date): Promise<void> {
    const owner = connect(this.#platform.owner);
    try {
      const plans = this.#history.plans[list].map((plan, index) => [planKey(this.#name, index), plan] as const);
      await syncPlanPrices(owner, Object.fromEntries(plans), at);
    } finally {
      await owner.destroy();
    }
  }

  #site({ site }: { readonly site: number }): string {
    return this.#creator.sites[site] ?? '';
  }

  #plan({ plan }: { readonly plan: number }): string {
    return planKey(this.#name, plan);
  }
}
