import { BillingError } from './errors.ts';

/** How far an unpaid invoice has brought a site. A site that is suspended keeps everything and shows a maintenance page. */
export type Standing = 'good' | 'past-due' | 'grace' | 'suspended';

/** What a site's subscription is, after an event. */
export interface SubscriptionState {
  readonly plan: string;
  readonly currency: string;
  /** Version of the price that it was sold at; a newer one counts from a change of plan on. */
  readonly priceVersion: number;
  readonly lifecycle: 'running' | 'paused' | 'cancelled';
  /** Nothing is charged before it. */
  readonly trialEndsAt: Date | null;
  readonly standing: Standing;
  readonly standingSince: Date;
}

export type SubscriptionEventType =
  | 'started'
  | 'plan-changed'
  | 'paused'
  | 'resumed'
  | 'cancelled'
  | 'standing-changed'
  | 'handed-over'
  | 'taken-over';

/** Something that happened to a site's subscription, with what it was afterwards. */
export interface SubscriptionEvent extends SubscriptionState {
  /** Number among the creator's records, in the order they were committed. */
  readonly record: number;
  readonly creatorId: string;
  readonly site: string;
  readonly type: SubscriptionEventType;
  /** Whole seconds; never before the event it follows. */
  readonly at: Date;
}

/** The word for a subscription that people are shown. */
export type SubscriptionStatus = 'trial' | 'active' | 'past-due' | 'grace' | 'suspended' | 'paused' | 'cancelled';

/** What the site's YAML is to say in `state`. */
export type WantedSiteState = 'active' | 'paused' | 'suspended';

/** The price that a subscription is sold at. */
export interface SoldPrice {
  readonly plan: string;
  readonly currency: string;
  readonly version: number;
}

export function statusOf(state: SubscriptionState, now: Date): SubscriptionStatus {
  if (state.lifecycle === 'cancelled' || state.standing === 'suspended') {
    return state.lifecycle === 'cancelled' ? 'cancelled' : 'suspended';
  }
  if (state.lifecycle === 'paused') return 'paused';
  if (state.standing !== 'good') return state.standing;
  return state.trialEndsAt !== null && now < state.trialEndsAt ? 'trial' : 'active';
}

/** A cancelled subscription takes its site offline as a pause does: deleting is asked for by itself. */
export function wantedSiteState(state: SubscriptionState): WantedSiteState {
  if (state.lifecycle === 'cancelled') return 'paused';
  if (state.standing === 'suspended') return 'suspended';
  return state.lifecycle === 'paused' ? 'paused' : 'active';
}

/** @throws BillingError where the site has a subscription already */
export function started(
  before: SubscriptionState | undefined,
  price: SoldPrice,
  trialEndsAt: Date | null,
  at: Date,
): SubscriptionState {
  if (before !== undefined && before.lifecycle !== 'cancelled') {
    throw new BillingError('not-allowed', 'the site has a subscription already', 'change its plan instead');
  }
  return { ...sold(price), lifecycle: 'running', trialEndsAt, standing: 'good', standingSince: at };
}

/** @returns undefined where it is sold at that very price already */
export function planChanged(before: SubscriptionState, price: SoldPrice): SubscriptionState | undefined {
  requireLive(before, 'its plan cannot change');
  if (price.currency !== before.currency) {
    throw new BillingError(
      'not-allowed',
      `the subscription is paid in ${before.currency}, not in ${price.currency}`,
      'cancel it and start another one',
    );
  }
  return price.plan === before.plan && price.version === before.priceVersion
    ? undefined
    : { ...before, ...sold(price) };
}

/** @returns undefined where it is paused already */
export function paused(before: SubscriptionState): SubscriptionState | undefined {
  requireLive(before, 'it cannot be paused');
  return before.lifecycle === 'paused' ? undefined : { ...before, lifecycle: 'paused' };
}

/** @returns undefined where it runs already */
export function resumed(before: SubscriptionState): SubscriptionState | undefined {
  requireLive(before, 'it cannot be resumed');
  requirePaidUp(before);
  return before.lifecycle === 'running' ? undefined : { ...before, lifecycle: 'running' };
}

/** @returns undefined where it is cancelled already */
export function cancelled(before: SubscriptionState): SubscriptionState | undefined {
  return before.lifecycle === 'cancelled' ? undefined : { ...before, lifecycle: 'cancelled' };
}

/** @returns undefined where it stands there already, or is over */
export function standingChanged(
  before: SubscriptionState,
  standing: Standing,
  at: Date,
): SubscriptionState | undefined {
  if (before.lifecycle === 'cancelled' || before.standing === standing) return undefined;
  return { ...before, standing, standingSince: at };
}

/** @throws BillingError where unpaid invoices have suspended it */
export function requirePaidUp(state: SubscriptionState): void {
  if (state.standing !== 'suspended') return;
  throw new BillingError('not-allowed', 'the account is suspended for unpaid invoices', 'pay them first');
}

function requireLive(state: SubscriptionState, consequence: string): void {
  if (state.lifecycle !== 'cancelled') return;
  throw new BillingError('not-allowed', `the subscription is cancelled: ${consequence}`, 'start another one');
}

function sold({ plan, currency, version }: SoldPrice) {
  return { plan, currency, priceVersion: version };
}
